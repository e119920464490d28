/** The query of an address, `?` and all; what has no value is left out. */
export const queryOf = (params: Readonly<Record<string, string | number | readonly string[] | undefined>>): string => {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(params)) {
    const all = value === undefined ? [] : Array.isArray(value) ? (value as readonly string[]) : [String(value)]
    for (const one of all) if (one !== '') query.append(key, one)
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
