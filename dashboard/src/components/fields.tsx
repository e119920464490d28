/** MUI's inputs with a label above them; selects are the browser's own, which phones and screen readers know. */
import NativeSelect from '@mui/material/NativeSelect'
import OutlinedInput from '@mui/material/OutlinedInput'
import { useId, type ReactNode } from 'react'

interface TextFieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly type?: string
  readonly autoComplete?: string
  readonly autoFocus?: boolean
  readonly placeholder?: string
  readonly multiline?: boolean
  readonly className?: string
  readonly maxLength?: number
  readonly list?: readonly string[]
}

export function TextField({ label, value, onChange, type = 'text', autoComplete = 'off', autoFocus = false, placeholder, multiline = false, className = '', maxLength = 500, list }: TextFieldProps): ReactNode {
  const id = useId()
  return (
    <div className={`field ${className}`}>
      <label htmlFor={id}>{label}</label>
      <OutlinedInput
        id={id}
        type={type}
        value={value}
        onChange={(event) => { onChange(event.target.value) }}
        autoComplete={autoComplete}
        autoFocus={autoFocus}
        placeholder={placeholder}
        multiline={multiline}
        {...(multiline ? { minRows: 2, maxRows: 8 } : {})}
        inputProps={{ maxLength, spellCheck: false, ...(list === undefined ? {} : { list: `${id}-list` }) }}
        fullWidth
      />
      {list === undefined ? null : <datalist id={`${id}-list`}>{list.map((option) => <option key={option} value={option} />)}</datalist>}
    </div>
  )
}

interface SelectFieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly options: readonly (readonly [value: string, label: string])[]
  readonly className?: string
}

export function SelectField({ label, value, onChange, options, className = '' }: SelectFieldProps): ReactNode {
  const id = useId()
  return (
    <div className={`field ${className}`}>
      <label htmlFor={id}>{label}</label>
      <NativeSelect value={value} onChange={(event) => { onChange(event.target.value) }} input={<OutlinedInput />} inputProps={{ id }} fullWidth>
        {options.map(([option, words]) => <option key={option} value={option}>{words}</option>)}
      </NativeSelect>
    </div>
  )
}
