// SPDX-License-Identifier: GPL-2.0-or-later
// Hashes, for each client, all that it ever said, in threads; timers, and files
// read and written meanwhile, notice when something goes wrong.
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const { Worker, isMainThread, parentPort } = require('worker_threads');

if (!isMainThread) {
	const all = new Map();
	parentPort.on('message', ({ id, who, body }) => {
		if (!all.has(who))
			all.set(who, crypto.createHash('sha256'));
		all.get(who).update(body);
		parentPort.postMessage({ id, digest: all.get(who).copy().digest('hex') });
	});
	return;
}

let state = 'ok', ticks = 0, files = 0, next = 0;
const waiting = new Map();
const workers = [0, 1].map(() => new Worker(__filename));
for (const w of workers) {
	w.on('message', ({ id, digest }) => {
		waiting.get(id)(digest);
		waiting.delete(id);
	});
	w.on('error', e => { state = String(e); });
}
setInterval(() => { ticks++; }, 5);
(async function work() {
	const file = `file-${files++ % 10}`;
	const data = crypto.randomBytes(10000);
	await fs.promises.writeFile(file, data);
	if (!(await fs.promises.readFile(file)).equals(data))
		state = `${file} is not what was written`;
	setTimeout(work, 20);
})().catch(e => { state = String(e); });

http.createServer((req, res) => {
	const parts = [];
	req.on('data', d => parts.push(d));
	req.on('end', () => {
		const id = next++, who = Number(req.url.slice(1));
		waiting.set(id, digest => res.end(`${digest} ${state}`));
		workers[who % 2].postMessage({ id, who, body: Buffer.concat(parts) });
	});
}).listen({ port: 7000, host: '0.0.0.0' }).keepAliveTimeout = 0;
