import type { ReactNode } from 'react'
import { safeHref, shown } from '../text.ts'
import { Icon, type IconName } from './icons.tsx'

export type Tone = 'allow' | 'warn' | 'deny' | 'unsure' | 'neutral'

const ICONS: Readonly<Record<Tone, IconName | undefined>> = { allow: 'check', warn: 'alert', deny: 'cross', unsure: 'question', neutral: undefined }

interface BadgeProps {
  readonly tone: Tone
  readonly children: ReactNode
  readonly icon?: IconName
  readonly title?: string
  readonly outline?: boolean
}

export function Badge({ tone, children, icon, title, outline = false }: BadgeProps): ReactNode {
  const name = icon ?? ICONS[tone]
  return <span className={`badge ${tone}${outline ? ' outline' : ''}`} title={title}>{name === undefined ? null : <Icon name={name} />}{children}</span>
}

/** To another site: only https, and told as such. What is no such address is text. */
export function OutLink({ href, children }: { readonly href: string | null | undefined; readonly children?: ReactNode }): ReactNode {
  const safe = safeHref(href)
  if (safe === undefined) return <>{children ?? shown(href)}</>
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer">
      {children ?? shown(href)} <Icon name="out" size={12} /><span className="hidden"> (opens in a new tab)</span>
    </a>
  )
}

interface CardProps {
  readonly title: string
  readonly span?: 3 | 4 | 5 | 6 | 7 | 8 | 12
  readonly aside?: ReactNode
  readonly children: ReactNode
}

export const Card = ({ title, span = 12, aside, children }: CardProps): ReactNode => (
  <section className={`card span-${String(span)}`} aria-label={title}>
    <div className="card-head"><h2 className="card-title">{title}</h2>{aside}</div>
    <div style={{ marginTop: 10 }}>{children}</div>
  </section>
)

export const Facts = ({ of }: { readonly of: readonly (readonly [label: string, value: ReactNode])[] }): ReactNode => (
  <dl className="facts">
    {of.filter(([, value]) => value !== undefined && value !== null && value !== '').map(([label, value]) => (
      <div key={label} style={{ display: 'contents' }}><dt>{label}</dt><dd>{value}</dd></div>
    ))}
  </dl>
)
