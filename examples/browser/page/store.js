// What the browser remembers of one repository: the files that were trusted, in IndexedDB. They are verified again each time.

const files = "files";

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

export async function openStore(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(files);
  const db = await done(opening);
  const read = () => db.transaction(files).objectStore(files);

  // A write is over when the browser says that it is on the disk, and not before.
  const write = (change) => new Promise((resolve, reject) => {
    const t = db.transaction(files, "readwrite", { durability: "strict" });
    t.oncomplete = resolve;
    t.onabort = () => reject(t.error);
    change(t.objectStore(files));
  });

  return {
    load: (name) => done(read().get(name)), // undefined if there is none
    save: (record) => write((s) => s.put(record.data, record.name)),
    forget: () => write((s) => s.clear()),
    async floors() {
      const stored = {};
      for (const name of ["root.json", "timestamp.json", "snapshot.json"]) stored[name] = await this.load(name);
      return stored;
    },
  };
}
