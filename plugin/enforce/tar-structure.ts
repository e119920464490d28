import { NotATarball } from '../domain/ports.ts'
import { parsePaxRecords } from './pax.ts'

const BLOCK = 512
/** node-tar ignores a longer extended header, others honour it. */
const MAX_META = 1024 * 1024

/**
 * Checks, block by block, that an archive can be read in one way only. npm, pnpm, Yarn and Bun each bring another tar reader;
 * where they differ, a tarball could show this mirror one package.json and a client another one (POSIX.1-2024, pax, "ustar
 * Interchange Format" and "pax Extended Header"). It looks at structure only; names are read by `tar`, as npm does.
 */
export class TarStructure {
  /** Headers of members, extended headers not counted: `tar` must have found as many. */
  members = 0
  /** Headers of every kind. */
  headers = 0
  #state: 'header' | 'body' | 'meta' | 'ended' = 'header'
  #remaining = 0
  #nullBlocks = 0
  #partial: Buffer = Buffer.alloc(0)
  #meta: Buffer[] = []
  #metaType = ''
  #metaSize = 0
  /** What the extended headers in front of the next member hold. */
  #pending: { readonly kinds: Set<string>; size: number | undefined } = { kinds: new Set(), size: undefined }

  /** @throws NotATarball */
  write(chunk: Buffer): void {
    let position = 0
    while (position < chunk.length) {
      if (this.#state === 'ended') {
        if (chunk.subarray(position).some((byte) => byte !== 0)) throw new NotATarball('data follow the end of the archive')
        return
      }
      position += this.#state === 'header' ? this.#takeHeader(chunk.subarray(position)) : this.#takeBody(chunk.subarray(position))
    }
  }

  /** @throws NotATarball when the archive was cut short */
  end(): void {
    const zeros = this.#partial.every((byte) => byte === 0)
    if (this.#state === 'body' || this.#state === 'meta' || !zeros) throw new NotATarball('archive is cut short')
    if (this.#pending.kinds.size > 0) throw new NotATarball('extended header without a member')
  }

  #takeHeader(chunk: Buffer): number {
    const missing = BLOCK - this.#partial.length
    const block =
      this.#partial.length === 0 ? chunk.subarray(0, BLOCK) : Buffer.concat([this.#partial, chunk.subarray(0, missing)])
    if (block.length < BLOCK) {
      this.#partial = Buffer.from(block)
      return chunk.length
    }
    this.#partial = Buffer.alloc(0)
    this.#onHeader(block)
    return missing
  }

  #takeBody(chunk: Buffer): number {
    const taken = Math.min(chunk.length, this.#remaining)
    if (this.#state === 'meta') this.#meta.push(Buffer.from(chunk.subarray(0, taken)))
    this.#remaining -= taken
    if (this.#remaining > 0) return taken
    if (this.#state === 'meta') this.#onMeta(Buffer.concat(this.#meta).subarray(0, this.#metaSize))
    this.#state = 'header'
    return taken
  }

  #onHeader(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#nullBlocks += 1
      if (this.#nullBlocks === 2) this.#state = 'ended'
      return
    }
    // Some readers stop at the first empty block, some at the second.
    if (this.#nullBlocks > 0) throw new NotATarball('a member follows an empty block')
    if (!hasValidChecksum(block)) throw new NotATarball('header with a wrong checksum')
    this.headers += 1
    const type = String.fromCharCode(block[156] ?? 0)
    const size = sizeOf(block)
    if ('xgLK'.includes(type)) this.#startMeta(type, size)
    else this.#startMember(type, size)
  }

  #startMeta(type: string, size: number): void {
    if (size > MAX_META) throw new NotATarball('extended header is too large')
    // Two sources for one name: which of them counts depends on the reader.
    const names = new Set([...this.#pending.kinds, type])
    if (type !== 'g' && (this.#pending.kinds.has(type) || (names.has('x') && names.size > 1))) {
      throw new NotATarball('several extended headers for one member')
    }
    if (type !== 'g') this.#pending.kinds.add(type)
    this.#metaType = type
    this.#metaSize = size
    this.#meta = []
    this.#startBody('meta', size)
    if (size === 0) this.#onMeta(Buffer.alloc(0))
  }

  #onMeta(body: Buffer): void {
    if (this.#metaType === 'L' || this.#metaType === 'K') return
    const records = parsePaxRecords(body)
    if (this.#metaType === 'g' && ['path', 'linkpath', 'size'].some((key) => records.has(key))) {
      throw new NotATarball('global extended header that renames or resizes members')
    }
    const size = this.#metaType === 'x' ? records.get('size') : undefined
    if (size !== undefined) this.#pending.size = /^\d{1,15}$/.test(size) ? Number(size) : Number.NaN
  }

  #startMember(type: string, size: number): void {
    if (this.#pending.size !== undefined && this.#pending.size !== size) throw new NotATarball('two sizes for one member')
    // Links and directories have no body for some readers, and the one their size announces for others.
    if (size > 0 && '125'.includes(type)) throw new NotATarball('link or directory with a body')
    this.members += 1
    this.#pending = { kinds: new Set(), size: undefined }
    this.#startBody('body', size)
  }

  #startBody(state: 'body' | 'meta', size: number): void {
    this.#remaining = Math.ceil(size / BLOCK) * BLOCK
    this.#state = this.#remaining === 0 ? 'header' : state
  }
}

function hasValidChecksum(block: Buffer): boolean {
  // The checksum counts its own field as eight spaces.
  let sum = 8 * 0x20
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0
  return octal(block.subarray(148, 156)) === sum
}

function sizeOf(block: Buffer): number {
  // Binary sizes (GNU) are for files of 8 GiB and more, which no tarball here may hold.
  const size = octal(block.subarray(124, 136))
  if (size === undefined) throw new NotATarball('header with a size that is not octal')
  return size
}

function octal(field: Buffer): number | undefined {
  const text = /^ *([0-7]*)[ \0]*/.exec(field.toString('latin1'))
  return text?.[0].length === field.length ? Number.parseInt(text[1] === '' ? '0' : (text[1] ?? '0'), 8) : undefined
}
