import { ConfigurationError } from '../domain/errors.ts'
import { isReasonCode, REASON_CODES, type ReasonCode } from '../domain/reason.ts'
import { helpFor } from '../domain/reason-help.ts'

/**
 * What reason codes mean and what to do about them, as lines for a terminal or as one JSON document.
 * @throws ConfigurationError when there is no such code
 */
export function reasonLines(code: string | undefined, { json = false }: { readonly json?: boolean } = {}): readonly string[] {
  const codes = code === undefined ? REASON_CODES : [known(code)]
  if (json) return [JSON.stringify(codes.map((one) => ({ code: one, ...helpFor(one) })), undefined, 2)]
  if (code === undefined) return codes.map((one) => `${one.padEnd(WIDTH)}  ${helpFor(one).developer}`)
  return codes.flatMap(described)
}

const WIDTH = Math.max(...REASON_CODES.map(({ length }) => length))

function known(code: string): ReasonCode {
  if (isReasonCode(code)) return code
  throw new ConfigurationError('reasons', [{ path: '', message: `"${code}" is not a reason code`, remedy: 'Without one, `reasons` lists them all.' }])
}

function described(code: ReasonCode): readonly string[] {
  const { developer, security, remedy } = helpFor(code)
  return [code, `  for developers: ${developer}`, `    ${remedy.developer}`, `  for the security team: ${security}`, `    ${remedy.security}`]
}
