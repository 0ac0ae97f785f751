#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and numbers of the YAML spec and of the uapi header, and how they
differ.

usage: spec.py compare SPEC HEADER   one line for each difference; status 1
       spec.py header SPEC           the spec as a C header, for clients that
                                     are written from the spec alone
"""
import os
import re
import subprocess
import sys
import tempfile

import yaml

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8,
         "s8": 1, "s16": 2, "s32": 4, "s64": 8}


def upper(*parts):
    return "".join(parts).replace("-", "_").upper()


def struct_name(spec, d):
    return f"{spec['name']}_{d['name']}".replace("-", "_")


def spec_numbers(spec):
    """{kind: {name: value}} of a spec; a struct member's value is its place."""
    fam = spec["name"] + "-"
    res = {"command": {}, "attribute": {}, "enum": {}, "const": {},
           "struct": {}}
    value = 0
    for op in spec["operations"]["list"]:
        value = op.get("value", value + 1)
        res["command"][upper(spec["operations"]["name-prefix"],
                             op["name"])] = value
    for aset in spec["attribute-sets"]:
        value = 0
        for attr in aset["attributes"]:
            value = attr.get("value", value + 1)
            res["attribute"][upper(aset["name-prefix"], attr["name"])] = value
    for d in spec["definitions"]:
        if d["type"] == "const":
            res["const"][upper(fam, d["name"])] = d["value"]
        elif d["type"] == "struct":
            at = align = 0
            name = struct_name(spec, d)
            for m in d["members"]:
                size = SIZES[m["type"]]
                align = max(align, size)
                at = -(-at // size) * size
                place = f"{at}+{size}{'s' if m['type'][0] == 's' else ''}"
                res["struct"][f"{name}.{m['name'].replace('-', '_')}"] = place
                at += size
            res["struct"][name] = str(-(-at // align) * align)
        else:
            value = -1
            for e in d["entries"]:
                if isinstance(e, str):
                    e = {"name": e}
                value = e.get("value", value + 1)
                n = 1 << value if d["type"] == "flags" else value
                res["enum"][upper(d["name-prefix"], e["name"])] = n
    return res


def header_numbers(path):
    """The same of the header and of that of the objects, as the compiler sees
    it. Records and ioctls are not part of the spec."""
    text = ""
    for p in path, path.replace(".h", "_objects.h"):
        with open(p) as f:
            text += f.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    res = {"command": {}, "attribute": {}, "enum": {}, "const": {},
           "struct": {}}
    prints = []

    def emit(kind, name, fmt, *args):
        prints.append(f'printf("{kind} {name} {fmt}\\n", {", ".join(args)});')

    for name, body in re.findall(r"enum (\w+) \{(.*?)\}", text, re.S):
        kind = ("command" if name == "livemig_cmd" else
                "attribute" if name.endswith("_attr") else "enum")
        for n in re.findall(r"^\s*(\w+)", body, re.M):
            # 0 is never an attribute or a command; __*_MAX only counts.
            if n.startswith("__") or \
               (kind != "enum" and n.endswith("_UNSPEC")):
                continue
            emit(kind, n, "%lld", f"(long long){n}")
    for n in re.findall(r"#define (LIVEMIG_(?:PROTOCOL|\w+_MAX))\s+\d", text):
        emit("const", n, "%lld", f"(long long){n}")
    for name, body in re.findall(r"struct (\w+) \{(.*?)\};", text, re.S):
        emit("struct", name, "%zu", f"sizeof(struct {name})")
        for n in re.findall(r"(\w+)\s*[,;]", body):
            m = f"((struct {name} *)0)->{n}"
            emit("struct", f"{name}.{n}", "%zu+%zu%s",
                 f"offsetof(struct {name}, {n})", f"sizeof({m})",
                 f'(__typeof__({m}))-1 < 0 ? "s" : ""')
    prog = ("#include <stdio.h>\n#include <stddef.h>\n#include \"%s\"\n"
            "int main(void) {\n%s\nreturn 0;\n}\n" % (path, "\n".join(prints)))
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["gcc", "-x", "c", "-w", f"-I{os.path.dirname(path)}/..", "-o", f"{tmp}/p", "-"],
                       input=prog.encode(), check=True)
        out = subprocess.run([f"{tmp}/p"], check=True, stdout=subprocess.PIPE)
    for line in out.stdout.decode().splitlines():
        kind, name, value = line.split()
        res[kind][name] = value if kind == "struct" else int(value)
    return res


def check_references(spec):
    """What the spec says of itself: every name that is used exists."""
    bad = []
    sets = {s["name"]: {a["name"] for a in s["attributes"]}
            for s in spec["attribute-sets"]}
    types = {d["name"] for d in spec["definitions"]}
    for s in spec["attribute-sets"]:
        for a in s["attributes"]:
            for key, where in (("nested-attributes", sets), ("enum", types),
                               ("struct", types)):
                if key in a and a[key] not in where:
                    bad.append(f"reference {s['name']}.{a['name']}: "
                               f"no {key} {a[key]}")
    for op in spec["operations"]["list"]:
        for kind in ("do", "dump"):
            for side in ("request", "reply"):
                part = (op.get(kind) or {}).get(side) or {}
                for a in part.get("attributes", []):
                    if a not in sets[op["attribute-set"]]:
                        bad.append(f"reference {op['name']}: no attribute {a}")
    return bad


def compare(spec_path, header_path):
    with open(spec_path) as f:
        spec = yaml.safe_load(f)
    bad = check_references(spec)
    mine, theirs = spec_numbers(spec), header_numbers(header_path)
    for kind in mine:
        a, b = mine[kind], theirs[kind]
        for n in sorted(a.keys() - b.keys()):
            bad.append(f"{kind} {n}: not in the header")
        for n in sorted(b.keys() - a.keys()):
            bad.append(f"{kind} {n}: not in the spec")
        for n in sorted(a.keys() & b.keys()):
            if a[n] != b[n]:
                bad.append(f"{kind} {n}: {a[n]} in the spec, "
                           f"{b[n]} in the header")
        if not b:
            bad.append(f"{kind}: none found in the header")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


def header(spec_path):
    with open(spec_path) as f:
        spec = yaml.safe_load(f)
    res = spec_numbers(spec)
    print("/* Made from", spec_path, "*/")
    print(f'#define SPEC_FAMILY "{spec["name"]}"')
    print(f'#define SPEC_VERSION {spec["version"]}')
    for g in spec["mcast-groups"]["list"]:
        print(f'#define {upper(g["c-define-name"])} "{g["name"]}"')
    for kind in ("command", "attribute", "enum", "const"):
        for n, v in res[kind].items():
            print(f"#define {n} {v}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "compare":
        sys.exit(compare(sys.argv[2], sys.argv[3]))
    if len(sys.argv) == 3 and sys.argv[1] == "header":
        sys.exit(header(sys.argv[2]))
    sys.exit(__doc__)
