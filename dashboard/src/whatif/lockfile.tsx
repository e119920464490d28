import Button from '@mui/material/Button'
import { useId, useRef, useState, type DragEvent, type ReactNode } from 'react'
import { count, shown } from '../text.ts'

export interface Lockfile {
  readonly fileName: string
  readonly text: string
}

interface LockfileProps {
  readonly lockfile: Lockfile | undefined
  readonly onChange: (lockfile: Lockfile | undefined) => void
}

const LARGEST = 5 * 1024 * 1024

export function LockfileField({ lockfile, onChange }: LockfileProps): ReactNode {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [isOver, setOver] = useState(false)
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return
    setProblem(undefined)
    if (file.size > LARGEST) {
      setProblem(`${shown(file.name)} is larger than 5 MB; check it with verdaccio-provenance check instead.`)
      return
    }
    onChange({ fileName: file.name, text: await file.text() })
  }
  const drop = (event: DragEvent): void => {
    event.preventDefault()
    setOver(false)
    take(event.dataTransfer.files[0]).catch(() => { setProblem('This file cannot be read.') })
  }
  return (
    <div>
      <div
        className={`drop${isOver ? ' is-over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => { setOver(false) }}
        onDrop={drop}
      >
        <label htmlFor={id} className="hidden">Lockfile</label>
        <input ref={input} id={id} type="file" className="hidden" tabIndex={-1} onChange={(event) => { take(event.target.files?.[0]).catch(() => { setProblem('This file cannot be read.') }); event.target.value = '' }} />
        {lockfile === undefined ? <p>Drop a lockfile here, of npm, pnpm, yarn or bun</p> : <p><strong>{shown(lockfile.fileName)}</strong> <span className="muted">{count(lockfile.text.length)} characters</span></p>}
        <div className="row" style={{ justifyContent: 'center', marginTop: 8 }}>
          <Button variant="outlined" onClick={() => { input.current?.click() }}>{lockfile === undefined ? 'Choose a file' : 'Another file'}</Button>
          {lockfile === undefined ? null : <Button onClick={() => { onChange(undefined) }}>Take it away</Button>}
        </div>
      </div>
      {problem === undefined ? null : <p role="alert" className="tone-deny">{problem}</p>}
    </div>
  )
}
