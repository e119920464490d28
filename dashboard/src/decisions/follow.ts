import type { LogEntry } from '../../../plugin/domain/decision.ts'
import { ask } from '../api.ts'

/**
 * New entries as the mirror keeps them, until `signal` says to stop or the stream ends: Server-Sent Events, read by fetch, since an
 * EventSource sends no token. `onOpen` is called once the mirror follows.
 * @throws ApiError
 */
export async function follow(signal: AbortSignal, onEntries: (entries: readonly LogEntry[]) => void, onOpen: () => void): Promise<void> {
  const response = await ask('v1/decisions/stream', { accept: 'text/event-stream', signal })
  onOpen()
  if (response.body === null) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let buffer = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    buffer += value
    const events = buffer.split('\n\n')
    buffer = events.pop() ?? ''
    for (const event of events) {
      const entries = entriesOf(event)
      if (entries.length > 0) onEntries(entries)
    }
  }
}

function entriesOf(event: string): readonly LogEntry[] {
  const lines = event.split('\n')
  if (!lines.includes('event: entries')) return []
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n')
  try {
    const parsed: unknown = JSON.parse(data)
    return Array.isArray(parsed) ? (parsed as LogEntry[]) : []
  } catch {
    return []
  }
}
