import type { ReactNode } from 'react'
import { isReasonCode } from '../../../plugin/domain/reason.ts'
import { helpFor } from '../../../plugin/domain/reason-help.ts'
import { shown } from '../text.ts'
import { reasonLabel } from '../words.ts'

interface Said {
  readonly code: string
  readonly message: string
}

/** Each reason in words: of this case, of its kind, and what to do about it. */
export function Reasons({ reasons }: { readonly reasons: readonly Said[] }): ReactNode {
  if (reasons.length === 0) return null
  return (
    <ul className="plain stack">
      {reasons.map(({ code, message }, index) => {
        const help = isReasonCode(code) ? helpFor(code) : undefined
        return (
          <li key={`${String(index)} ${code}`} className="stack-tight">
            <div><strong>{reasonLabel(shown(code))}</strong>{message === '' ? '' : ': '}{shown(message)} <code className="muted">{shown(code)}</code></div>
            {help === undefined ? null : (
              <dl className="facts">
                <dt>What it means</dt><dd><Prose>{`${help.developer} ${help.security}`}</Prose></dd>
                <dt>To install it</dt><dd><Prose>{help.remedy.developer}</Prose></dd>
                <dt>For security</dt><dd><Prose>{help.remedy.security}</Prose></dd>
              </dl>
            )}
          </li>
        )
      })}
    </ul>
  )
}

/** Our own words, with commands between backticks. */
const Prose = ({ children }: { readonly children: string }): ReactNode => children.split('`').map((part, index) => (index % 2 === 0 ? part : <code key={String(index)}>{part}</code>))
