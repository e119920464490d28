import { Unavailable } from '../domain/errors.ts'

const PATIENCE_MS = 10_000

/**
 * Asks Verdaccio's storage or an auth plugin, which are callbacks of somebody else's code: one that throws, or never calls
 * back, must neither end the process nor hold a request for ever.
 * @throws Unavailable `internal-error` when there is no answer in time; else what `ask` rejects with
 */
export function answerOf<Answer>(
  what: string,
  ask: (resolve: (answer: Answer) => void, reject: (error: unknown) => void) => void,
  milliseconds = PATIENCE_MS,
): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Unavailable('internal-error', `${what}: no answer in time`)) }, milliseconds)
    const ended = <Value>(end: (value: Value) => void) => (value: Value): void => {
      clearTimeout(timer)
      end(value)
    }
    try {
      ask(ended(resolve), ended(reject))
    } catch (error) {
      ended(reject)(error)
    }
  })
}
