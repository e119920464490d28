/** What Linux tells of a process in /proc, all its threads together. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** `getconf CLK_TCK` on every Linux that Node runs on. */
const TICKS_A_SECOND = 100

/** utime and stime of `/proc/PID/stat` in milliseconds; the name before them may hold spaces and brackets (proc(5)). */
export function cpuOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_A_SECOND
}

/** A field of `/proc/PID/status` in megabytes: VmRSS, VmHWM. */
export function megabytesOf(status: string, field: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
  return kilobytes === undefined ? NaN : (Number(kilobytes) * 1024) / 1e6
}

export const hasProc = (): boolean => existsSync('/proc/self/stat')
/** Milliseconds of CPU so far, in steps of 10. */
export const cpuTime = (pid: number): number => (hasProc() ? cpuOf(readFileSync(`/proc/${pid}/stat`, 'utf8')) : NaN)
/** Resident now, and the most since `forgetPeak`, in megabytes. */
export function memory(pid: number): { readonly resident: number; readonly peak: number } {
  if (!hasProc()) return { resident: NaN, peak: NaN }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return { resident: megabytesOf(status, 'VmRSS'), peak: megabytesOf(status, 'VmHWM') }
}
/** 5 resets the peak (proc(5), clear_refs); where that is not allowed, the peak is that of the whole life. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Containers may forbid it.
  }
}
