/** Every batch is signed, and of most the next one's signature says as much: these stay, so that a fault is found near its place. */
const ENTRIES = 1000
const MILLISECONDS = 10 * 60_000

/** `last` is the one that stayed last, `at` in milliseconds. */
export const isToBeKept = (last: { readonly sequence: number; readonly at: number } | undefined, sequence: number, at: number): boolean =>
  last === undefined || sequence - last.sequence >= ENTRIES || at - last.at >= MILLISECONDS
