/** Which of the project's source text ran, by V8's precise block coverage. */
import { Session, type Profiler } from 'node:inspector'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = pathToFileURL(`${path.resolve(import.meta.dirname, '../..')}/plugin/`).href

export interface Share {
  readonly covered: number
  readonly total: number
}

export class Coverage {
  readonly #session = new Session()
  /** By file below plugin/: 1 where a character has run, over the file's length as far as V8 spoke of it. */
  readonly #covered = new Map<string, Uint8Array>()
  readonly #functions = new Map<string, Map<string, readonly [number, number]>>()

  start(): void {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    // Counts, since without them V8 reports a block once for good and no input could be asked again whether it was the one.
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  /** How many characters of source ran since the last call that never ran before; they are noted unless `peek`. */
  take(peek = false): number {
    let fresh = 0
    // In the same thread the answer is there when `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error
      for (const script of result) if (script.url.startsWith(ROOT)) fresh += this.#note(script, peek)
    })
    return fresh
  }

  /** What of the functions in these files (`domain/json.ts`) has run, in characters. */
  share(files: readonly string[]): Share {
    let [covered, total] = [0, 0]
    for (const file of files)
      for (let i = 0, map = this.#covered.get(file), text = textOf(this.#functions.get(file)); i < text.length; i++) {
        total += text[i] ?? 0
        covered += (text[i] ?? 0) & (map?.[i] ?? 0)
      }
    return { covered, total }
  }

  #note({ url, functions }: Profiler.ScriptCoverage, peek: boolean): number {
    const file = url.slice(ROOT.length)
    const end = Math.max(...functions.map(({ ranges }) => ranges[0]?.endOffset ?? 0))
    const known = this.#functions.get(file) ?? new Map<string, readonly [number, number]>()
    this.#functions.set(file, known)
    const ran = new Uint8Array(end)
    // A function's first range is all of it, those after it lie inside and speak for themselves (V8, BlockCoverage).
    for (const { ranges, functionName } of functions) {
      const [whole] = ranges
      if (whole !== undefined && functionName !== '') known.set(`${whole.startOffset}-${whole.endOffset}`, [whole.startOffset, whole.endOffset])
      for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
    }
    const before = this.#covered.get(file) ?? new Uint8Array(end)
    const after = before.length >= end ? before : Uint8Array.from({ length: end }, (_, i) => before[i] ?? 0)
    let fresh = 0
    for (let i = 0; i < end; i++)
      if (ran[i] === 1 && after[i] !== 1) {
        fresh++
        if (!peek) after[i] = 1
      }
    this.#covered.set(file, after)
    return fresh
  }
}

function textOf(functions: ReadonlyMap<string, readonly [number, number]> | undefined): Uint8Array {
  const spans = [...(functions?.values() ?? [])]
  const text = new Uint8Array(Math.max(0, ...spans.map(([, end]) => end)))
  for (const [start, end] of spans) text.fill(1, start, end)
  return text
}
