/** Every page of the built dashboard, in a browser, on a mirror with real decisions. */
import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser } from 'playwright-core'
import { openTab, startBrowser, visit, type Tab } from '../support/browser.ts'
import { decideAll, startWorld, type World } from '../support/dashboard.ts'
import { closeAll, needsBrowser, type Closable } from '../support/dashboard-suite.ts'

const PAGES = {
  overview: '',
  decisions: 'decisions',
  'decisions with all filters': 'decisions?version=1.0.0&kind=served',
  packages: 'packages',
  package: 'packages/widget',
  'a scoped package': 'packages/@acme/ui',
  'a refused version': 'packages/widget/v/1.3.0',
  'a package that is not there': 'packages/nobody',
  policy: 'policy',
  pins: 'pins',
  recalls: 'recalls',
  'what if': 'what-if',
  'no such page': 'packages/a/b/c',
} as const

describe('dashboard: pages', function () {
  this.timeout(120_000)
  let browser: Browser
  let world: World
  const open: Closable[] = []

  before(async function () {
    needsBrowser(this)
    ;[browser, world] = await Promise.all([startBrowser(), startWorld()])
    open.push(world, browser)
    await decideAll(world)
  })
  after(() => closeAll(open))

  const tabFor = async (options: Parameters<typeof openTab>[1], name: 'ada' | 'bob' = 'ada'): Promise<Tab> => {
    const tab = await openTab(browser, options, await world.webToken(name))
    open.push(tab)
    return tab
  }

  for (const [mode, options] of Object.entries({ light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' } } as const)) {
    it(`axe finds nothing on any page, ${mode}; the console says nothing, and nothing comes from elsewhere`, async () => {
      const { page, errors, outside } = await tabFor(options)
      const found: string[] = []
      for (const [name, path] of Object.entries(PAGES)) {
        await visit(page, world.mirror.url, path)
        // The same page but for its colours.
        const axe = mode === 'dark' ? new AxeBuilder({ page }).withRules(['color-contrast']) : new AxeBuilder({ page })
        const { violations } = await axe.analyze()
        found.push(...violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${name}: ${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`)))
      }
      assert.deepEqual(found, [])
      // What a browser says of an answer that is 404 is no fault of the page that asked.
      assert.deepEqual(errors.filter((text) => !text.includes('status of 404')), [])
      assert.deepEqual(outside, [])
      assert.equal(await page.evaluate('document.documentElement.dataset.mode'), mode)
    })
  }

  it('axe finds nothing in the dialogs and behind what unfolds', async () => {
    const { page } = await tabFor({})
    const look = async (): Promise<readonly string[]> => (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''} ${nodes[0]?.failureSummary ?? ''}`)
    await visit(page, world.mirror.url, '')
    await page.getByText('The same as a table').click()
    assert.deepEqual(await look(), [])
    await visit(page, world.mirror.url, 'decisions?kind=refused')
    await page.getByRole('row').nth(1).click()
    await page.getByRole('dialog').waitFor()
    assert.deepEqual(await look(), [])
    await visit(page, world.mirror.url, 'pins')
    await page.getByRole('button', { name: /^Approve/ }).click()
    await page.getByRole('dialog').waitFor()
    assert.deepEqual(await look(), [])
  })

  it('at the width of a phone nothing is wider than the screen', async () => {
    const { page } = await tabFor({ viewport: { width: 360, height: 740 } })
    const wide: string[] = []
    for (const [name, path] of Object.entries(PAGES)) {
      await visit(page, world.mirror.url, path)
      const width = await page.evaluate<number>('document.documentElement.scrollWidth')
      if (width > 360) wide.push(`${name}: ${String(width)}`)
    }
    assert.deepEqual(wide, [])
  })

  it('shows on the overview what was decided, in figures and as a table', async () => {
    const { page } = await tabFor({})
    await visit(page, world.mirror.url, '')
    const refusals = page.getByRole('region', { name: 'Refused', exact: true })
    assert.match(await refusals.innerText(), /^Refused\n5/)
    const table = page.getByRole('region', { name: 'Requests, refusals and warnings over time' })
    await page.getByText('The same as a table').click()
    assert.match(await table.innerText(), /\t5\t1\t0/)
    assert.equal(await page.getByRole('link', { name: 'Identity changed' }).count(), 1)
    await page.getByRole('link', { name: 'Identity changed' }).click()
    await page.getByRole('grid').waitFor()
    assert.match(await page.getByRole('row').nth(1).innerText(), /widget@1\.3\.0/)
  })

  it('shows hostile text as text', async () => {
    const { page } = await tabFor({})
    const name = '<img src=x onerror=alert(1)>\u202e'
    world.mirror.engine.log.add({
      at: new Date().toISOString(), kind: 'served', package: 'hostile', version: name, integrity: null, uplink: null, outcome: 'allow', monitored: false, reasons: [{ code: 'no-such-code', message: name }],
      rule: name, policyRevision: null, waivers: [], evidence: null, asker: { address: null, client: name, user: null, token: null }, detail: { said: name }, times: 1,
    })
    await visit(page, world.mirror.url, 'decisions?package=hostile')
    await page.getByRole('row').nth(1).click()
    const text = await page.getByRole('dialog').innerText()
    assert.match(text, /<img src=x onerror=alert\(1\)>/)
    assert.doesNotMatch(text, /\u202e/)
    assert.equal(await page.locator('img').count(), 0)
  })

  it('is used by keyboard alone: skip link, navigation, the grid and its dialog', async () => {
    const { page } = await tabFor({})
    const focused = (): Promise<string> => page.evaluate<string>('(document.activeElement?.getAttribute("role") ?? document.activeElement?.tagName ?? "") + ":" + (document.activeElement?.textContent ?? "").slice(0, 30)')
    await visit(page, world.mirror.url, 'decisions?kind=refused')
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'A:Skip to content')
    await page.keyboard.press('Enter')
    assert.match(await focused(), /^MAIN:/)
    for (let presses = 0; presses < 40 && !(await focused()).startsWith('grid:'); presses++) await page.keyboard.press('Tab')
    assert.match(await focused(), /^grid:/)
    const active = (): Promise<string | null> => page.getByRole('grid').getAttribute('aria-activedescendant')
    assert.equal(await active(), 'entry-0')
    await page.keyboard.press('ArrowDown')
    assert.equal(await active(), 'entry-1')
    assert.equal(await page.locator('#entry-1').getAttribute('aria-selected'), 'true')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.match(await focused(), /^grid:/)
    await page.getByRole('link', { name: 'Policy', exact: true }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Policy' }).waitFor()
    assert.match(await focused(), /^MAIN:/)
  })

  it('keeps the filters in the address, and goes back and forth', async () => {
    const { page } = await tabFor({})
    await visit(page, world.mirror.url, 'decisions')
    await page.getByRole('button', { name: 'Refused', exact: true }).click()
    await page.getByLabel('Search').fill('fresh')
    await page.waitForURL(/text=fresh/)
    await page.getByText('1 decision', { exact: true }).waitFor()
    assert.match(await page.getByRole('row').nth(1).innerText(), /fresh@1\.0\.1/)
    await page.getByRole('link', { name: 'Policy', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Policy' }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Decisions' }).waitFor()
    assert.equal(await page.getByLabel('Search').inputValue(), 'fresh')
    assert.equal(await page.getByRole('button', { name: 'Refused', exact: true }).getAttribute('aria-pressed'), 'true')
  })

  it('takes the light colours or the dark ones with the switch, and keeps them', async () => {
    const { page } = await tabFor({ colorScheme: 'light' })
    await visit(page, world.mirror.url, '')
    await page.getByRole('button', { name: 'Use dark colours' }).click()
    await visit(page, world.mirror.url, 'policy')
    assert.equal(await page.evaluate('document.documentElement.dataset.mode'), 'dark')
    await page.getByRole('button', { name: 'Use light colours' }).click()
    assert.equal(await page.evaluate('document.documentElement.dataset.mode'), 'light')
  })

  it('a user who may not write has no button to approve with', async () => {
    const { page } = await tabFor({}, 'bob')
    await visit(page, world.mirror.url, 'pins')
    await page.getByText('https://github.com/mallory/widget').first().waitFor()
    assert.equal(await page.getByRole('button', { name: /Approve|Drop/ }).count(), 0)
  })
})
