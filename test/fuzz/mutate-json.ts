import type { Json } from '../../plugin/domain/json.ts'
import { mutateBytes } from './mutate-bytes.ts'
import type { Random } from './random.ts'

type Container = Json[] | Record<string, Json>
interface Place {
  readonly holder: Container
  readonly key: string | number
}

const VALUES: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 2 ** 53, 1e308, '', ' ', '0', '__proto__', 'constructor', '\u0000', '\ud800', 'é'],
  ...['x'.repeat(300), '1.0.0', 'sha512-', 'https://registry.example/', 'file:///x', '2026-01-01T00:00:00.000Z'],
  ...[[], {}, [[]], [null], { '': '' }],
]
const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', ' ', '0', 'name', 'version']
const BASE64 = /^(?:[A-Za-z0-9+/]{4}){3,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** One random change somewhere in a document, inside of base64 too; the text itself is changed where it is no JSON. */
export function mutateJson(bytes: Buffer, random: Random, words: readonly string[]): Buffer {
  if (random.chance(0.1)) return mutateBytes(bytes, random, words)
  let root: { value?: Json }
  try {
    root = { value: JSON.parse(bytes.toString()) as Json }
  } catch {
    return mutateBytes(bytes, random, words)
  }
  const places = placesOf(root)
  change(random.pick(places), places, random, words)
  return Buffer.from(JSON.stringify(root.value ?? null))
}

/** Every place of the document, the document itself first. Iterative, since a mutation may have nested it deeply. */
function placesOf(root: Record<string, Json>): readonly Place[] {
  const places: Place[] = []
  const open: Container[] = [root]
  for (let holder = open.pop(); holder !== undefined; holder = open.pop())
    for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
      places.push({ holder, key })
      const value = at({ holder, key })
      if (typeof value === 'object' && value !== null) open.push(value as Container)
    }
  return places
}

const at = ({ holder, key }: Place): Json => (holder as Record<string | number, Json>)[key] ?? null

/** Defined and not assigned, so that `__proto__` becomes a key like any other. */
function put({ holder, key }: Place, value: Json): void {
  Object.defineProperty(holder, key, { value, configurable: true, enumerable: true, writable: true })
}

function change(place: Place, places: readonly Place[], random: Random, words: readonly string[]): void {
  const value = at(place)
  const other = random.pick(places)
  switch (random.below(7)) {
    case 0:
      if (places.length > 1) Reflect.deleteProperty(place.holder, place.key)
      return
    case 1:
      put(place, random.pick(VALUES))
      return
    case 2:
      put(place, structuredClone(at(other)))
      return
    case 3:
      if (Array.isArray(value)) put(place, [...(value as Json[]), structuredClone(random.chance(0.5) ? (value[0] ?? null) : at(other))])
      else if (typeof value === 'object' && value !== null) put({ holder: value as Record<string, Json>, key: random.pick(KEYS) }, structuredClone(at(other)))
      else put(place, [value])
      return
    case 4:
      put(place, random.pick(words))
      return
    default:
      put(place, scalar(value, random, words))
  }
}

function scalar(value: Json, random: Random, words: readonly string[]): Json {
  if (typeof value === 'number') return random.pick([value + 1, -value, value * 2 ** 32, value / 3])
  if (typeof value === 'string') return random.chance(0.7) && BASE64.test(value) ? inBase64(value, random, words) : text(value, random, words)
  if (typeof value === 'boolean') return !value
  return random.pick(VALUES)
}

const text = (value: string, random: Random, words: readonly string[]): string => mutateBytes(Buffer.from(value), random, words).toString()

function inBase64(value: string, random: Random, words: readonly string[]): string {
  const bytes = Buffer.from(value, 'base64')
  return (bytes[0] === 0x7b ? mutateJson(bytes, random, words) : mutateBytes(bytes, random, words)).toString('base64')
}
