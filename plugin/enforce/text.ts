const NOT_PRINTABLE = /[^\x20-\x7e]+/g

/**
 * Upstream text made fit for a reason phrase, a header or a log line: printable ASCII only (a line break in a reason phrase
 * splits the response), at most `limit` characters.
 */
export function printable(value: string, limit = 120): string {
  const text = value.replace(NOT_PRINTABLE, '?')
  return text.length <= limit ? text : `${text.slice(0, limit - 3)}...`
}
