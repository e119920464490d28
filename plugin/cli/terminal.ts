/** What upstreams wrote, made fit for a terminal. */
export { jsonText, linesWithoutUnseen, withoutUnseen as printable } from '../domain/unseen.ts'
