/** Whether replicas remember the same: their copies, table by table, row by row. */
import { DatabaseSync } from 'node:sqlite'

export interface Remembered {
  readonly sequence: number
  /** Rows by table, as text, in the order of their text. */
  readonly tables: ReadonlyMap<string, readonly string[]>
}

/** Of the last operation that a copy has; 0 before the first. */
export function sequenceOf(file: string): number {
  return reading(file, (database) => Number(database.prepare('SELECT sequence FROM position').get()?.sequence ?? 0))
}

export function rememberedIn(file: string): Remembered {
  return reading(file, (database) => {
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all().map(({ name }) => String(name))
    const rowsOf = (name: string): readonly string[] => database.prepare(`SELECT * FROM "${name}"`).all().map((row) => JSON.stringify(row)).toSorted()
    return { sequence: sequenceOf(file), tables: new Map(names.map((name) => [name, rowsOf(name)])) }
  })
}

/** What one has and the other has not; empty where they are the same. */
export function differences(one: Remembered, other: Remembered): readonly string[] {
  const names = new Set([...one.tables.keys(), ...other.tables.keys()])
  return [...names].flatMap((name) => {
    const [a, b] = [one, other].map(({ tables }) => new Set(tables.get(name)))
    const [only, alsoOnly] = [[...(a ?? [])].filter((row) => b?.has(row) !== true), [...(b ?? [])].filter((row) => a?.has(row) !== true)]
    return only.length + alsoOnly.length === 0 ? [] : [`${name}: ${[...only.map((row) => `first ${row}`), ...alsoOnly.map((row) => `second ${row}`)].slice(0, 4).join('; ')}`]
  })
}

function reading<Value>(file: string, read: (database: DatabaseSync) => Value): Value {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    return read(database)
  } finally {
    database.close()
  }
}
