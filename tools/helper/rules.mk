# build rules of the restore helper
