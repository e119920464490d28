/** What a mirror has on disk and open. */
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { hasProc } from '../proc.ts'

export interface Files {
  readonly count: number
  readonly bytes: number
}

const NONE: Files = { count: 0, bytes: 0 }
const add = (a: Files, b: Files): Files => ({ count: a.count + b.count, bytes: a.bytes + b.bytes })

/** All files below a directory; what is removed while it is read is not there. */
export function filesBelow(dir: string, matches: (file: string) => boolean = () => true): Files {
  return listed(dir).reduce((sum, entry) => {
    const file = path.join(dir, entry.name)
    if (entry.isDirectory()) return add(sum, filesBelow(file, matches))
    if (!matches(file)) return sum
    const stats = statSync(file, { throwIfNoEntry: false })
    return stats === undefined ? sum : add(sum, { count: 1, bytes: stats.size })
  }, NONE)
}

function listed(dir: string): ReturnType<typeof entriesOf> {
  try {
    return entriesOf(dir)
  } catch {
    return []
  }
}
const entriesOf = (dir: string) => readdirSync(dir, { withFileTypes: true })

/** Open file descriptors of a process. */
export const descriptorsOf = (pid: number): number => (hasProc() ? readdirSync(`/proc/${pid}/fd`).length : NaN)
