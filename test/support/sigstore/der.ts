/** Just enough DER (X.690) to write certificates and timestamps. */

const length = (size: number): Buffer => {
  if (size < 0x80) return Buffer.from([size])
  const hex = size.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

const tlv = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const value = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), length(value.length), value])
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => tlv(0x30, ...items)
export const set = (...items: readonly Uint8Array[]): Buffer => tlv(0x31, ...items)
export const octets = (value: Uint8Array): Buffer => tlv(0x04, value)
export const utf8 = (text: string): Buffer => tlv(0x0c, Buffer.from(text, 'utf8'))
export const TRUE: Buffer = Buffer.from([0x01, 0x01, 0xff])
export const NULL: Buffer = Buffer.from([0x05, 0x00])

/** A non-negative INTEGER. */
export const integer = (value: number): Buffer => {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return tlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

export const bits = (value: Uint8Array, unused = 0): Buffer => tlv(0x03, Buffer.of(unused), value)

export const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(arc)]))
}

const arc = (value: number): readonly number[] => {
  const bytes = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) | 0x80)
  return bytes
}

/** A context-specific tag around other values, or with `primitive` around raw bytes. */
export const context = (tag: number, ...content: readonly Uint8Array[]): Buffer => tlv(0xa0 | tag, ...content)
export const primitive = (tag: number, content: Uint8Array): Buffer => tlv(0x80 | tag, content)

const digits = (at: Date): string => at.toISOString().replace(/[-:T]|\.\d+Z$/g, '')
/** Whole seconds: some readers take GeneralizedTime with no fraction or with exactly three digits, and nothing between. */
export const generalizedTime = (at: Date): Buffer => tlv(0x18, Buffer.from(`${digits(at)}Z`))
/** RFC 5280, 4.1.2.5: dates through 2049 are UTCTime. */
export const utcTime = (at: Date): Buffer => tlv(0x17, Buffer.from(`${digits(at).slice(2)}Z`))
