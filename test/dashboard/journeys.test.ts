/** What people come to the dashboard for, from beginning to end. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { logIn, openTab, settled, startBrowser, visit } from '../support/browser.ts'
import { decideAll, PASSWORD, startWorld, type World } from '../support/dashboard.ts'
import { closeAll, needsBrowser, type Closable } from '../support/dashboard-suite.ts'
import { NpmProject, temporaryDirectory } from '../support/process.ts'

describe('dashboard: journeys', function () {
  this.timeout(60_000)
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

  const tabFor = async (name?: 'ada' | 'bob'): Promise<Page> => {
    const tab = await openTab(browser, {}, name === undefined ? undefined : await world.webToken(name))
    open.push(tab)
    return tab.page
  }

  it('a refused npm install prints an address, which a browser opens as the page that explains it', async () => {
    const dir = temporaryDirectory('journey-')
    try {
      const { code, output } = await new NpmProject(dir).npm(world.mirror.url, 'install', 'tampered@1.0.0')
      assert.notEqual(code, 0)
      const [address] = /http:\/\/\S+\/-\/provenance\/v1\/packages\/[\w/.-]+[\w]/.exec(output) ?? []
      assert.ok(address, output)
      const page = await tabFor()
      await page.goto(address)
      await settled(page)
      assert.match(page.url(), /\/-\/provenance\/packages\/tampered/)
      await page.getByText('Subject mismatch').first().waitFor()
      await page.getByRole('link', { name: '1.0.0' }).click()
      const verdict = page.getByRole('region', { name: 'Verdict' })
      assert.match(await verdict.innerText(), /^Refused\n[^]*subject-mismatch[^]*What it means[^]*To install it\n/)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  it('the page of a refused version names the nearest that is served, who builds it now, and who asked for it', async () => {
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'packages/widget/v/1.3.0')
    assert.equal(await page.getByRole('region', { name: 'Verdict' }).getByRole('link', { name: '1.2.0' }).getAttribute('href'), '/-/provenance/packages/widget/v/1.2.0')
    const builder = page.getByRole('region', { name: 'Built by' })
    const all = await builder.getByRole('link').all()
    const links = await Promise.all(all.map((link) => Promise.all(['href', 'rel', 'target'].map((name) => link.getAttribute(name)))))
    assert.deepEqual(links.map(([href]) => href).slice(0, 3), ['https://github.com/mallory/widget', `https://github.com/mallory/widget/commit/${'130'.padEnd(40, '7')}`, 'https://github.com/mallory/widget/tree/v1.3.0'])
    assert.ok(links.every(([, rel, target]) => rel === 'noopener noreferrer' && target === '_blank'))
    assert.match(await page.getByRole('region', { name: 'Who fetched it' }).innerText(), /Refused\tada, 127\.0\.0\.1/)
    assert.match(await page.getByRole('region', { name: 'Versions' }).innerText(), /Built by somebody else above: github\.com\/mallory\/widget \(6001\); below, github\.com\/acme\/widget \(1001\)/)
  })

  it('approval of a pin: asks for a reason, frees the version, is logged by name, and is taken back by a drop', async () => {
    assert.equal(await world.fetch('widget', '1.3.0'), 403)
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'policy')
    await page.getByRole('button', { name: 'Approve https://github.com/mallory/widget for widget' }).click()
    const dialog = page.getByRole('dialog', { name: 'Approve a builder' })
    await dialog.getByRole('button', { name: 'Approve' }).click()
    await dialog.getByText('Say why, in a few words.').waitFor()
    await dialog.getByLabel(/^Why/).fill('the project moved')
    await dialog.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('Approved: https://github.com/mallory/widget for widget.').waitFor()
    await page.getByText('Nothing waits.').waitFor()
    assert.equal(await world.fetch('widget', '1.3.0'), 200)

    await visit(page, world.mirror.url, 'decisions?kind=pin-approved')
    assert.match(await page.getByRole('row').nth(1).innerText(), /Pin approved[^]*widget[^]*ada/)
    await visit(page, world.mirror.url, 'pins')
    assert.match(await page.getByRole('main').innerText(), /approved by ada, https:\/\/github\.com\/mallory\/widget: the project moved/)
    await page.getByRole('button', { name: 'Drop https://github.com/mallory/widget for widget' }).click()
    await page.getByLabel(/^Why/).fill('it did not')
    await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click()
    await page.getByText('Dropped: https://github.com/mallory/widget for widget.').waitFor()
    assert.equal(await world.fetch('widget', '1.3.0'), 403)
  })

  it('a recall: from the page, in force at once, and lifted again', async () => {
    assert.equal(await world.fetch('left-pad', '1.3.0'), 200)
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'recalls')
    await page.getByRole('button', { name: 'Recall versions' }).click()
    await page.getByLabel('Versions, as name@range').fill('left-pad@1.3.0')
    await page.getByLabel(/^Why/).fill('it mines coins')
    await page.getByRole('dialog').getByRole('button', { name: 'Recall' }).click()
    await page.getByText('left-pad@1.3.0 is recalled.').waitFor()
    assert.equal(await world.fetch('left-pad', '1.3.0'), 403)
    await visit(page, world.mirror.url, 'packages/left-pad/v/1.3.0')
    assert.match(await page.getByRole('region', { name: 'Verdict' }).innerText(), /^Refused\n[^]*Recalled[^]*it mines coins/)
    await visit(page, world.mirror.url, 'recalls')
    await page.getByRole('button', { name: 'Lift the recall of left-pad 1.3.0' }).click()
    await page.getByLabel(/^Why/).fill('it does not')
    await page.getByRole('dialog').getByRole('button', { name: 'Lift' }).click()
    await page.getByText('The recall of left-pad@1.3.0 is lifted.').waitFor()
    assert.equal(await world.fetch('left-pad', '1.3.0'), 200)
  })

  it('what if: a lockfile and another policy, the changes first', async () => {
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'what-if')
    const entry = (name: string, version: string): object => ({ version, resolved: `${world.mirror.url}/${name}/-/${name}-${version}.tgz`, integrity: 'sha512-' + 'A'.repeat(86) + '==' })
    const lockfile = { name: 'project', lockfileVersion: 3, packages: { '': { name: 'project' }, 'node_modules/many': entry('many', '1.0.3'), 'node_modules/widget': entry('widget', '1.0.0'), 'node_modules/fresh': entry('fresh', '1.0.1') } }
    await page.getByLabel('Lockfile', { exact: true }).setInputFiles({ name: 'package-lock.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(lockfile)) })
    await page.getByRole('button', { name: 'Judge' }).click()
    await page.getByText('3 versions judged').waitFor()
    assert.match(await page.getByRole('row').nth(1).innerText(), /fresh@1\.0\.1\s+Refused/)

    await page.getByRole('button', { name: 'the policy in force' }).click()
    await page.getByRole('button', { name: 'Judge by both policies' }).click()
    await page.getByText('no verdict changes').waitFor()

    await page.getByLabel('Another policy, as YAML').fill('version: 1\nextends: lockdown\n')
    await page.getByRole('button', { name: 'Judge by both policies' }).click()
    await page.getByText('2 verdicts change').waitFor()
    assert.match(await page.getByRole('row').nth(1).innerText(), /many@1\.0\.3\s+Allowed\s+Refused[^]*Provenance absent/)
  })

  it('what if: problems of a policy by line, and the line is found', async () => {
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'what-if')
    await page.getByLabel('Another policy, as YAML').fill('version: 1\nextends: strict\nrulez: []\n')
    await page.getByRole('button', { name: 'Judge by both policies' }).click()
    await page.getByText('This policy would not be taken').waitFor()
    await page.getByRole('button', { name: 'line 3' }).click()
    assert.equal(await page.evaluate<string>('document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)'), 'rulez: []')
  })

  it('new decisions come by themselves, wait while it is paused, and are said once', async () => {
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'decisions?package=many')
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByText('No decision matches.').waitFor()
    await world.fetch('many', '1.0.1')
    await page.getByText('many@1.0.1').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await world.fetch('many', '1.0.2')
    await page.getByRole('button', { name: 'Resume, 1 new' }).click()
    await page.getByText('many@1.0.2').waitFor()
    assert.match(await page.getByRole('row').nth(1).innerText(), /many@1\.0\.2/)
  })

  it('exports all that the filters find', async () => {
    const page = await tabFor('ada')
    await visit(page, world.mirror.url, 'decisions?kind=refused&package=fresh')
    for (const [button, first] of [['Export CSV', /^at,kind,package/], ['Export JSON Lines', /^\{.*"kind":"refused"/]] as const) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()])
      const chunks: Buffer[] = []
      for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      assert.match(text, first)
      assert.match(text, /release-too-young/)
    }
  })

  it('a wrong password is told, a login that ends is asked for again over the page, and logging out forgets', async () => {
    const page = await tabFor()
    await visit(page, world.mirror.url, 'decisions?kind=refused&text=fresh')
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('This name and password are not known here.').waitFor()
    await logIn(page, 'ada', PASSWORD)
    await page.getByRole('grid').waitFor()
    assert.equal(await page.evaluate('Object.keys(localStorage).length'), 0)

    await page.evaluate('sessionStorage.setItem(Object.keys(sessionStorage)[0], "eyJhbGciOiJIUzI1NiJ9.eyJuYW1lIjoiYWRhIn0.AAAA")')
    await page.getByLabel('Search').fill('widget')
    const dialog = page.getByRole('dialog', { name: 'Your login has ended' })
    await dialog.waitFor()
    assert.equal(await page.getByLabel('Search').inputValue(), 'widget')
    await logIn(page, 'ada', PASSWORD)
    await page.getByText('widget@1.3.0').first().waitFor()
    assert.match(page.url(), /kind=refused&text=widget/)

    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    assert.equal(await page.getByRole('grid').count(), 0)
    assert.equal(await page.evaluate('Object.values(sessionStorage).length'), 0)
  })
})

/** The mirror under a path, as Verdaccio's `url_prefix` means it. */
async function underPath(prefix: string, mirror: string): Promise<Closable & { readonly url: string }> {
  const server = http.createServer((request, response) => {
    if (request.url?.startsWith(`${prefix}/`) !== true) return void response.writeHead(502).end()
    const onward = http.request(new URL(request.url.slice(prefix.length), mirror), { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => { resolve() }))
  }
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${prefix}`, close }
}

describe('dashboard: behind a proxy and in a sub-path, where the web login is switched off', function () {
  this.timeout(60_000)
  let browser: Browser
  let world: World
  let proxy: Closable & { readonly url: string }
  const open: Closable[] = []

  before(async function () {
    needsBrowser(this)
    ;[browser, world] = await Promise.all([startBrowser(), startWorld({ core: { url_prefix: '/npm/', web: { enable: false } } })])
    proxy = await underPath('/npm', world.mirror.url)
    open.push(world, proxy, browser)
  })
  after(() => closeAll(open))

  it('loads, logs in by the login of npm without making an account, and keeps its addresses in the sub-path', async () => {
    const tab = await openTab(browser)
    open.push(tab)
    const { page, errors } = tab
    const { url: prefixed } = proxy
    await visit(page, prefixed, 'policy')
    await page.getByLabel('Name').fill('mistyped')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('This name and password are not known here.').waitFor()
    await logIn(page, 'ada', PASSWORD)
    await page.getByRole('region', { name: 'In force' }).waitFor()
    await page.getByRole('link', { name: 'Packages', exact: true }).click()
    await page.getByLabel('Name, or name@version').fill('@acme/ui@3.0.0')
    await page.getByRole('button', { name: 'Open' }).click()
    await page.getByRole('region', { name: 'Verdict' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/npm/-/provenance/packages/@acme/ui/v/3.0.0')
    await page.reload()
    await page.getByRole('region', { name: 'Verdict' }).waitFor()
    assert.deepEqual(errors.filter((text) => !/status of 40[14]/.test(text)), [])
  })
})
