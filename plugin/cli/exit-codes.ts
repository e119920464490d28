/** What a shell can tell apart. */
export const EXIT = {
  fine: 0,
  /** Policy refuses something. */
  refused: 1,
  /** Usage or configuration error. */
  usage: 2,
  /** An upstream or trust material is unavailable. */
  undecided: 3,
} as const
