/** The browser's storage, where it may be used: some throw at every touch of it, and then what is kept lasts as long as the page. */
export interface Kept {
  readonly get: () => string | null
  /** Null takes it away. */
  readonly set: (value: string | null) => void
}

export function kept(storageOf: () => Storage, key: string): Kept {
  let here: string | null = null
  return {
    get: () => {
      try {
        return storageOf().getItem(key)
      } catch {
        return here
      }
    },
    set: (value) => {
      here = value
      try {
        if (value === null) storageOf().removeItem(key)
        else storageOf().setItem(key, value)
      } catch {
        // Kept above.
      }
    },
  }
}
