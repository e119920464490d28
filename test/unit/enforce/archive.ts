import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'

/** A member written byte by byte, so that it can be wrong in one way. */
export interface Member {
  readonly name: string
  readonly body?: string | Buffer
  /** typeflag; a regular file if none is given */
  readonly type?: string
  /** what the header says, where it is not the body's length */
  readonly size?: number
  readonly link?: string
}

export const END = Buffer.alloc(1024)

export function member({ name, body = '', type = '0', size, link = '' }: Member): Buffer {
  const bytes = Buffer.from(body)
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write(type, 156)
  block.write(link, 157)
  block.write('ustar\x0000', 257)
  return Buffer.concat([withChecksum(block), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

export function withChecksum(block: Buffer): Buffer {
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

export function pax(records: Readonly<Record<string, string>> | string, type: 'x' | 'g' = 'x'): Buffer {
  const body =
    typeof records === 'string'
      ? records
      : Object.entries(records)
          .map(([key, value]) => paxRecord(key, value))
          .join('')
  return member({ name: 'PaxHeader', type, body })
}

export function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length = String(length).length + rest
  return `${length} ${key}=${value}\n`
}

export const gzip = (...parts: readonly Buffer[]): Buffer => zlib.gzipSync(Buffer.concat(parts))

export const manifest = (fields: object = {}): string => JSON.stringify({ name: 'widget', version: '1.0.0', ...fields })

/** Runs `use` with the path of a file of these bytes. */
export async function withFile<T>(bytes: Buffer, use: (file: string) => Promise<T>): Promise<T> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'enforce-'))
  try {
    const file = path.join(directory, 'widget.tgz')
    await fs.writeFile(file, bytes)
    return await use(file)
  } finally {
    await fs.rm(directory, { recursive: true })
  }
}
