import Button from '@mui/material/Button'
import { useId, type ReactNode, type RefObject } from 'react'
import type { PolicyAnswer } from '../answers.ts'
import { policyYaml } from './policy-yaml.ts'

interface PolicyFieldProps {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly field: RefObject<HTMLTextAreaElement | null>
  /** Undefined while it is not known. */
  readonly inForce: PolicyAnswer | undefined
}

const PRESETS = ['recommended', 'strict', 'lockdown'] as const

export function PolicyField({ value, onChange, field, inForce }: PolicyFieldProps): ReactNode {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>Another policy, as YAML</label>
      <textarea id={id} ref={field} className="code" value={value} onChange={(event) => { onChange(event.target.value) }} spellCheck={false} autoCapitalize="off" placeholder={'version: 1\nextends: strict'} />
      <div className="row">
        <span className="muted">Begin with</span>
        {inForce === undefined ? null : <Button onClick={() => { onChange(policyYaml(inForce)) }}>the policy in force</Button>}
        {PRESETS.map((preset) => <Button key={preset} onClick={() => { onChange(`version: 1\nextends: ${preset}\n`) }}>{preset}</Button>)}
        {value === '' ? null : <Button onClick={() => { onChange('') }}>Clear</Button>}
      </div>
    </div>
  )
}

/** Puts the caret at the beginning of a line, counted from 1, and the line in sight. */
export function goToLine(field: HTMLTextAreaElement, line: number): void {
  const lines = field.value.split('\n')
  const before = lines.slice(0, line - 1)
  const start = before.reduce((sum, one) => sum + one.length + 1, 0)
  field.focus()
  field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
  field.scrollTop = Math.max(0, (line - 4) * 19)
}
