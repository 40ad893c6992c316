/** What this browser keeps that must stay a key: that of this device, and of a pairing under way. The counterpart for
 * text is `shelf`. */

const NAME = "rc";
const STORE = "kept";

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function ask<T>(mode: IDBTransactionMode, make: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await open()).transaction(STORE, mode, { durability: "strict" });
  const request = make(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** What was put under `name`, or undefined. Values are cloned by the browser: keys stay keys. */
export function kept<T>(name: string): Promise<T | undefined> {
  return ask<T | undefined>("readonly", (store) => store.get(name) as IDBRequest<T | undefined>);
}

export async function keep(name: string, value: unknown): Promise<void> {
  await ask("readwrite", (store) => store.put(value, name));
}

export async function drop(name: string): Promise<void> {
  await ask("readwrite", (store) => store.delete(name));
}
