import type { ReactNode } from 'react'
import type { DecisionsAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { queryOf } from '../query.ts'
import { Badge, Card } from '../components/bits.tsx'
import { Empty, Loading, Problem } from '../components/states.tsx'
import { Link } from '../router.tsx'
import { useSession } from '../session.tsx'
import { moment, shown } from '../text.ts'
import { useData } from '../use-data.ts'
import { kindWord } from '../words.ts'

const SHOWN = 8
/** Where somebody asked for the bytes. */
const ASKED = ['served', 'warned', 'refused', 'unavailable']

interface FetchedProps {
  readonly name: string
  readonly version: string | undefined
}

/** Who asked for it lately, and what they were given. */
export function Fetched({ name, version }: FetchedProps): ReactNode {
  const { canRead, canWrite } = useSession()
  const query = queryOf({ package: name, version, kind: ASKED })
  const { value, error, isLoading } = useData(canRead ? `fetched ${query}` : undefined, (signal) => json<DecisionsAnswer>(`v1/decisions${queryOf({ package: name, version, kind: ASKED, limit: SHOWN })}`, { signal }))
  if (!canRead) return <Card title="Who fetched it" span={version === undefined ? 6 : 12}><Empty>This is for those who have an account that may read the decisions.</Empty></Card>
  return (
    <Card title="Who fetched it" span={version === undefined ? 6 : 12} aside={<Link to={`decisions${queryOf({ package: name, version })}`}>All decisions</Link>}>
      {error === undefined ? null : <Problem error={error} doing="load who fetched it" />}
      {isLoading ? <Loading what="who fetched it" /> : null}
      {value === undefined ? null : value.entries.length === 0 ? <Empty>Nobody has asked for it since the log began.</Empty> : (
        <table className="table cards">
          <thead><tr><th scope="col">Time</th><th scope="col">Decision</th>{version === undefined ? <th scope="col">Version</th> : null}<th scope="col">Who</th></tr></thead>
          <tbody>
            {value.entries.map((entry) => {
              const { label, tone } = kindWord(entry.kind)
              return (
                <tr key={`${entry.log} ${String(entry.sequence)}`}>
                  <td className="nowrap">{moment(entry.at)}</td>
                  <td><Badge tone={tone}>{shown(label)}</Badge></td>
                  {version === undefined ? <td className="mono">{shown(entry.version)}</td> : null}
                  <td>{[entry.asker.user, entry.asker.address].filter((part) => part !== null).map(shown).join(', ') || <span className="muted">{canWrite ? 'not known' : 'not shown to your groups'}</span>}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
    </Card>
  )
}
