import type { Random } from './random.ts'

const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x0a, 0x22, 0x5c, 0x7b, 0x5b]

type Mutator = (bytes: Buffer, random: Random, words: readonly string[]) => Buffer

const spliced = (bytes: Buffer, at: number, removed: number, inserted: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)])

/** A piece of it, at most so long. */
function piece(bytes: Buffer, random: Random, longest = 64): { readonly at: number; readonly length: number } {
  const at = random.below(bytes.length + 1)
  return { at, length: Math.min(bytes.length - at, 1 + random.below(longest)) }
}

const MUTATORS: readonly Mutator[] = [
  (bytes, random) => {
    const copy = Buffer.from(bytes)
    const at = random.below(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
    return copy
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes)
    copy[random.below(copy.length)] = random.chance(0.5) ? random.pick(EDGES) : random.below(256)
    return copy
  },
  (bytes, random) => {
    const { at, length } = piece(bytes, random)
    return spliced(bytes, at, length, Buffer.alloc(0))
  },
  (bytes, random) => {
    const { at, length } = piece(bytes, random)
    return spliced(bytes, random.below(bytes.length + 1), 0, bytes.subarray(at, at + length))
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => spliced(bytes, random.below(bytes.length + 1), 0, Buffer.alloc(1 + random.below(16), random.pick(EDGES))),
  (bytes, random, words) => {
    const { at, length } = piece(bytes, random, 8)
    return spliced(bytes, at, random.chance(0.5) ? length : 0, Buffer.from(random.pick(words)))
  },
  // By lines: configuration, policies and headers are made of them.
  (bytes, random) => {
    const lines = bytes.toString('latin1').split('\n')
    const [from, to] = [random.below(lines.length), random.below(lines.length + 1)]
    const [line = ''] = random.chance(0.5) ? lines.splice(from, 1) : [lines[from] ?? '']
    if (random.chance(0.7)) lines.splice(to, 0, line)
    return Buffer.from(lines.join('\n'), 'latin1')
  },
]

/** One random change; `words` are what the format is made of. */
export function mutateBytes(bytes: Buffer, random: Random, words: readonly string[]): Buffer {
  if (bytes.length === 0) return Buffer.from(random.pick(words))
  return random.pick(MUTATORS)(bytes, random, words)
}
