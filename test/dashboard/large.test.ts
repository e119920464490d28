/** A log of 100,000 decisions: the page holds the rows that are in sight, and no more. */
import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import type { DecisionRecord } from '../../plugin/domain/decision.ts'
import { openTab, startBrowser, visit, type Tab } from '../support/browser.ts'
import { startWorld, type World } from '../support/dashboard.ts'
import { closeAll, needsBrowser, type Closable } from '../support/dashboard-suite.ts'

const AMOUNT = 100_000
const AT_ONCE = 5_000
/** Scrolled through: all of them takes the better part of a minute. */
const SCROLLED = process.env.CI === 'true' ? AMOUNT : 15_000
/** Twice what is in sight, and some. */
const MOST_ROWS = 80

const recordOf = (number: number, at: number): DecisionRecord => ({
  at: new Date(at - number * 500).toISOString(),
  kind: number % 50 === 0 ? 'refused' : 'served',
  package: `package-${String(number % 977)}`,
  version: `1.0.${String(number % 13)}`,
  integrity: null,
  uplink: 'fake',
  outcome: number % 50 === 0 ? 'deny' : 'allow',
  monitored: false,
  reasons: number % 50 === 0 ? [{ code: 'release-too-young', message: 'it is young' }] : [],
  rule: 'every other package',
  policyRevision: 'b7e97604665e',
  waivers: [],
  evidence: { signature: true, publishAttestation: false, provenance: false, pinned: false },
  asker: { address: '10.0.0.1', client: 'npm', user: 'ci', token: null },
  detail: null,
  times: 1,
})

describe('dashboard: 100,000 decisions', function () {
  this.timeout(120_000)
  let browser: Browser
  let world: World
  let tab: Tab
  const open: Closable[] = []

  before(async function () {
    needsBrowser(this)
    ;[browser, world] = await Promise.all([startBrowser(), startWorld()])
    open.push(world, browser)
    const now = Date.now()
    const { log } = world.mirror.engine
    for (let number = 0; number < AMOUNT; number++) {
      log.add(recordOf(number, now))
      // What is not kept yet is waited for: a queue has a limit.
      if (number % AT_ONCE === AT_ONCE - 1) await log.find({ limit: 1 })
    }
    tab = await openTab(browser, {}, await world.webToken('ada'))
  })
  after(() => closeAll(open))

  it('are scrolled with few rows in the page at any time, by mouse and by keyboard', async () => {
    const { page, errors } = tab
    await visit(page, world.mirror.url, 'decisions?kind=served&kind=refused')
    await page.evaluate(`new PerformanceObserver((list) => { (globalThis.tasks ??= []).push(...list.getEntries().map(({ duration }) => Math.round(duration))) }).observe({ type: 'longtask' })`)
    const most = await page.evaluate<number>(`(async () => {
      const grid = document.querySelector('[role=grid]')
      let most = 0
      const last = () => Math.max(...[...grid.querySelectorAll('[aria-rowindex]')].map((row) => Number(row.getAttribute('aria-rowindex'))))
      while (last() < ${String(SCROLLED)}) {
        grid.scrollTop = grid.scrollHeight
        await new Promise(requestAnimationFrame)
        most = Math.max(most, grid.querySelectorAll('[role=row]').length)
      }
      return most
    })()`)
    assert.ok(most <= MOST_ROWS, `${String(most)} rows`)
    const grid = page.getByRole('grid')
    await grid.focus()
    await page.keyboard.press('Home')
    await page.locator('[aria-rowindex="2"]').waitFor()
    await page.keyboard.press('End')
    const active = await grid.getAttribute('aria-activedescendant')
    assert.ok(Number(active?.replace('entry-', '')) >= SCROLLED - 1, active ?? '')
    await page.locator(`[id="${active ?? ''}"]`).waitFor()
    // Said, not asserted: it depends on what else the machine does.
    const tasks = await page.evaluate<number[]>('globalThis.tasks ?? []')
    process.stderr.write(`      longest task of the page while scrolling ${String(SCROLLED)} decisions: ${String(Math.max(0, ...tasks))} ms\n`)
    assert.deepEqual(errors, [])
  })

  it('whoever reads further down stays where they are while new ones come in', async () => {
    const { page } = tab
    await visit(page, world.mirror.url, 'decisions?kind=refused')
    await page.getByText('Live', { exact: true }).waitFor()
    await page.evaluate(`document.querySelector('[role=grid]').scrollTop = 3400`)
    const seen = (): Promise<string> => page.evaluate<string>(`(() => { const grid = document.querySelector('[role=grid]'); const top = grid.getBoundingClientRect().top + 60; return [...grid.querySelectorAll('[role=row]')].find((row) => row.getBoundingClientRect().top > top)?.innerText })()`)
    await page.locator('[aria-rowindex="102"]').waitFor()
    const before = await seen()
    for (let number = 0; number < 5; number++) world.mirror.engine.log.add({ ...recordOf(0, Date.now()), package: 'just-now' })
    await page.locator('[role=status]', { hasText: /new decision/ }).waitFor({ state: 'attached' })
    assert.equal(await seen(), before)
    await page.getByRole('grid').focus()
    await page.keyboard.press('Home')
    await page.getByText('just-now@1.0.0').first().waitFor()
  })
})
