/** Messages for Slack's incoming webhooks, and for what takes the same (Mattermost, Rocket.Chat): `text`, and `blocks` for those who know them. */
import type { Gathered, Notice, NotificationEvent } from '../domain/notification.ts'
import { explainedAt, moreOf, type MessageContext } from './message.ts'

/** Slack cuts a section's text at 3,000 characters. */
const MAX_SECTION = 2900
const MAX_LINE = 600

const TITLES: Readonly<Record<NotificationEvent, string>> = {
  refused: 'refused',
  monitored: 'served by monitor although refused',
  withheld: 'withheld from listings',
  'publish-refused': 'publish refused',
  'pin-pending': 'waiting for approval of who built it',
  'pin-changed': 'builders approved or dropped',
  'trust-stale': 'trust material',
  'trust-expiring': 'trust ending',
  'waiver-expiring': 'waivers ending',
  'policy-loaded': 'policy loaded',
  'policy-refused': 'POLICY REFUSED',
  'ledger-reset': 'ledger reset',
  recalled: 'RECALLED',
  'recall-lifted': 'recall lifted',
  'log-incomplete': 'DECISION LOG INCOMPLETE',
}

export function slackBody(gathered: Gathered, context: Omit<MessageContext, 'id'>, title?: string): string {
  const { base } = context
  const head = title ?? `${base === undefined ? 'The mirror' : `The mirror ${escaped(new URL(base).host)}`}: ${countsText(gathered)}`
  const more = moreOf(gathered)
  const lines = [...gathered.notices.map((notice) => lineOf(notice, base)), ...(more > 0 ? [`… and ${String(more)} more`] : [])]
  const link = base === undefined ? [] : [`<${base}/-/provenance/|What the mirror decided>`]
  return JSON.stringify({
    // What notifications show, and all that receivers without blocks do.
    text: [head, ...lines, ...link].join('\n'),
    blocks: [section(head), ...sections(lines), ...link.map(section)],
    // Names that an upstream chose are no links, channels or people.
    link_names: 0,
    unfurl_links: false,
    unfurl_media: false,
  })
}

const countsText = ({ counts }: Gathered): string =>
  Object.entries(counts)
    .map(([event, count]) => `${String(count)} ${Object.hasOwn(TITLES, event) ? TITLES[event as NotificationEvent] : 'more'}`)
    .join(', ')

function lineOf(notice: Notice, base: string | undefined): string {
  const url = explainedAt(notice, base)
  const link = url === undefined || url.length > 500 ? '' : ` <${url}|why>`
  return `• ${code(notice.text.slice(0, MAX_LINE))}${link}`
}

/**
 * Slack's three control characters; without them nothing is a mention, a link or a date ("Formatting text for app surfaces", Escaping
 * text).
 */
export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** In code nothing is made a link of that looks like one, and others than Slack look for no @mention in it. */
const code = (text: string): string => `\`${escaped(text.replaceAll('`', "'"))}\``

interface Section {
  readonly type: 'section'
  readonly text: { readonly type: 'mrkdwn'; readonly text: string; readonly verbatim: true }
}

const section = (text: string): Section => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } })

function sections(lines: readonly string[]): readonly Section[] {
  const texts: string[] = []
  for (const line of lines) {
    const last = texts.at(-1)
    if (last === undefined || last.length + line.length + 1 > MAX_SECTION) texts.push(line)
    else texts[texts.length - 1] = `${last}\n${line}`
  }
  return texts.map(section)
}
