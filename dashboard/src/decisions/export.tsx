import Button from '@mui/material/Button'
import { useState, type ReactNode } from 'react'
import { ask } from '../api.ts'
import { Problem } from '../components/states.tsx'
import { filterQuery, type Filters } from './filters.ts'

const FORMS = [['CSV', 'text/csv', 'csv'], ['JSON Lines', 'application/x-ndjson', 'jsonl']] as const

/** All that the filters find, not only what is loaded; by fetch, since a link sends no token. */
export function Export({ filters }: { readonly filters: Filters }): ReactNode {
  const [busy, setBusy] = useState<string | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const save = async (accept: string, extension: string): Promise<void> => {
    const response = await ask(`v1/decisions${filterQuery(filters)}`, { accept })
    const url = URL.createObjectURL(await response.blob())
    const link = document.createElement('a')
    link.href = url
    link.download = `decisions-${new Date().toISOString().slice(0, 10)}.${extension}`
    link.click()
    setTimeout(() => { URL.revokeObjectURL(url) }, 60_000)
  }
  return (
    <>
      {FORMS.map(([label, accept, extension]) => (
        <Button
          key={label}
          disabled={busy !== undefined}
          onClick={() => {
            setBusy(label)
            setError(undefined)
            save(accept, extension).catch(setError).finally(() => { setBusy(undefined) })
          }}
        >
          {busy === label ? `Exporting ${label} …` : `Export ${label}`}
        </Button>
      ))}
      {error === undefined ? null : <Problem error={error} doing="export the decisions" />}
    </>
  )
}
