/** What a part of the benchmark has to say. */
export interface Table {
  readonly title: string
  /** The first column names the row. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** One of the targets, in this run. */
export interface Target {
  readonly what: string
  readonly asked: string
  readonly measured: string
  readonly met: boolean
}

/** Requests a second by number of versions. */
export interface Growth {
  readonly name: string
  readonly points: readonly (readonly [versions: number, perSecond: number])[]
}

export interface Section {
  readonly tables: readonly Table[]
  readonly targets: readonly Target[]
  readonly notes: readonly string[]
  readonly growth?: readonly Growth[]
  readonly failed?: true
}

export const atLeast = (what: string, asked: number, measured: number, format: (value: number) => string): readonly Target[] =>
  Number.isNaN(measured) ? [] : [{ what, asked: `≥ ${format(asked)}`, measured: format(measured), met: measured >= asked }]
export const atMost = (what: string, asked: number, measured: number, format: (value: number) => string): readonly Target[] =>
  Number.isNaN(measured) ? [] : [{ what, asked: `≤ ${format(asked)}`, measured: format(measured), met: measured <= asked }]
