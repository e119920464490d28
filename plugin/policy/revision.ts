import { createHash } from 'node:crypto'

/**
 * First 12 hex digits of the sha256 over a value in a canonical form: keys in order, no white space. Policies that mean the same
 * have one revision, however their files are written.
 */
export const revisionOf = (meaning: unknown): string => meaningDigest(meaning).slice(0, 12)

/** All of that sha256, hex: for those who keep it where nobody is there to ask. */
export const meaningDigest = (meaning: unknown): string => createHash('sha256').update(canonical(meaning)).digest('hex')

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
    .join(',')}}`
}
