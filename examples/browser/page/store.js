// The trusted files of one repository, in IndexedDB. They are verified again at
// each use.

const files = "files";

const result = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

export async function openStore(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(files);
  const db = await result(opening);
  const read = () => db.transaction(files).objectStore(files);

  // A write is done only when the browser says that it is on the disk.
  const write = (change) => new Promise((resolve, reject) => {
    const t = db.transaction(files, "readwrite", { durability: "strict" });
    t.oncomplete = resolve;
    t.onabort = () => reject(t.error);
    change(t.objectStore(files));
  });

  return {
    load: (name) => result(read().get(name)), // undefined if there is none
    save: (record) => write((s) => s.put(record.data, record.storeName)),
    forget: () => write((s) => s.clear()),
    async stored() {
      const files = {};
      for (const name of ["root.json", "timestamp.json", "snapshot.json"]) files[name] = await this.load(name);
      return files;
    },
  };
}
