/** `npm run screenshots`: pictures of the dashboard for docs/dashboard.md, of a mirror that decided something in front of a registry of its own. */
import { statSync } from 'node:fs'
import path from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import type { DecisionRecord } from '../plugin/domain/decision.ts'
import { openTab, startBrowser, visit } from '../test/support/browser.ts'
import { decideAll, startWorld, type World } from '../test/support/dashboard.ts'

const DOCS = path.resolve(import.meta.dirname, '../docs')
const LARGEST = 150 * 1024
const DAY = 86_400_000
const DARK = { colorScheme: 'dark' } as const
const PHONE = { viewport: { width: 360, height: 740 } } as const
const PICTURES: readonly (readonly [file: string, path: string, options?: BrowserContextOptions])[] = [
  ['overview', ''],
  ['package', 'packages/widget/v/1.3.0'],
  ['decisions', 'decisions?kind=warned&kind=refused&kind=unavailable&kind=served', DARK],
  ['policy', 'policy'],
  ['what-if', 'what-if'],
  ['phone', 'packages/widget', PHONE],
]

/** Always the same numbers: a picture changes when a page does. */
function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
}

/** More by day than by night. */
const hourly = (part: number): number => part - (0.6 * Math.sin(2 * Math.PI * part)) / (2 * Math.PI)

function pastDay(): readonly DecisionRecord[] {
  const next = numbers(7)
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * next() * items.length)] as Item
  const names = ['left-pad', 'fresh', '@acme/ui', 'gadget', 'many', 'widget', 'tampered'] as const
  const codes = ['release-too-young', 'provenance-absent', 'signature-absent', 'trust-downgrade', 'identity-changed', 'denied-by-rule'] as const
  const now = Date.now()
  return Array.from({ length: 3_000 }, (_, index): DecisionRecord => {
    const chance = next()
    const kind = chance < 0.86 ? 'served' : chance < 0.91 ? 'warned' : chance < 0.98 ? 'refused' : 'unavailable'
    const code = kind === 'unavailable' ? 'evidence-unavailable' : one(codes)
    return {
      at: new Date(now - DAY + DAY * hourly(index / 3_000)).toISOString(),
      kind,
      package: one(names),
      version: `1.${String(Math.floor(next() * 4))}.0`,
      integrity: null,
      uplink: 'fake',
      outcome: { served: 'allow', warned: 'warn', refused: 'deny', unavailable: 'unavailable' }[kind],
      monitored: false,
      reasons: kind === 'served' ? [] : [{ code, message: '' }],
      rule: next() < 0.2 ? 'Our packages are built by our release workflow' : 'every other package (recommended)',
      policyRevision: null,
      waivers: [],
      evidence: { signature: next() < 0.98, publishAttestation: next() < 0.52, provenance: next() < 0.46, pinned: next() < 0.3 },
      asker: { address: `10.0.4.${String(Math.floor(next() * 40))}`, client: 'npm/11.4.2', user: one(['ci-web', 'ci-release', 'bob', 'ada']), token: null },
      detail: null, times: 1,
    }
  })
}

async function tryOut(world: World, page: Awaited<ReturnType<typeof openTab>>['page']): Promise<void> {
  await page.getByLabel('And, or instead, these packages').fill('many@1.0.3 widget@1.0.0 fresh@1.0.1 @acme/ui@3.0.0 left-pad@1.3.0')
  await page.getByRole('button', { name: 'lockdown' }).click()
  await page.getByRole('button', { name: 'Judge by both policies' }).click()
  await page.getByText('versions judged').waitFor()
  await page.getByRole('button', { name: 'Judge by both policies' }).scrollIntoViewIfNeeded()
  await page.evaluate('window.scrollTo(0, 200)')
  await world.mirror.engine.settled()
}

const world = await startWorld()
const browser = await startBrowser()
try {
  for (const record of pastDay()) world.mirror.engine.log.add(record)
  await decideAll(world)
  const token = await world.webToken('ada')
  for (const [name, where, options = {}] of PICTURES) {
    const tab = await openTab(browser, { viewport: { width: 1060, height: 700 }, ...options }, token)
    await visit(tab.page, world.mirror.url, where)
    if (name === 'what-if') await tryOut(world, tab.page)
    await tab.page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
    const file = path.join(DOCS, `dashboard-${name}.png`)
    await tab.page.screenshot({ path: file })
    const { size } = statSync(file)
    console.log(`${path.relative(process.cwd(), file)}: ${String(Math.round(size / 1024))} KB`)
    if (size > LARGEST) throw new Error(`${file} is larger than ${String(LARGEST / 1024)} KB`)
    await tab.close()
  }
} finally {
  await browser.close()
  await world.close()
}
