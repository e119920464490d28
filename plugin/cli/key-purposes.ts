import type { Purpose } from '../compose-files.ts'

/** What a mirror signs, each with keys of its own. */
export const SIGNS: Readonly<Record<Purpose, string>> = {
  registry: 'packages published here',
  vsa: 'verification summaries',
  archive: 'archives',
  log: 'the decision log',
}
export const KEY_PURPOSES = Object.keys(SIGNS) as readonly Purpose[]
