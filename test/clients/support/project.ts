/** A project of one client, with a home and caches of its own. */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Client } from './clients.ts'
import { run, type Ran } from './run.ts'

export interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Seen extends Ran {
  /** Which version of a package is in node_modules. */
  readonly installed: ReadonlyMap<string, string>
}

export interface Where {
  /** Without a slash at the end. */
  readonly registry: string
  /** Address of a proxy that all requests go through. */
  readonly proxy?: string
}

export class Project {
  readonly client: Client
  readonly #dir: string

  private constructor(client: Client, dir: string) {
    this.client = client
    this.#dir = dir
  }

  static create(client: Client, dir: string, wanted: Dependencies): Project {
    const project = new Project(client, dir)
    mkdirSync(project.#home, { recursive: true })
    mkdirSync(project.#root, { recursive: true })
    project.#write('package.json', JSON.stringify({ name: 'project', version: '1.0.0', private: true, ...wanted }, null, 2))
    return project
  }

  /** The same project and lockfile on another machine: nothing installed, nothing cached. */
  cloned(dir: string): Project {
    const clone = new Project(this.client, dir)
    mkdirSync(clone.#home, { recursive: true })
    mkdirSync(clone.#root, { recursive: true })
    for (const file of ['package.json', this.client.lockfile]) cpSync(path.join(this.#root, file), path.join(clone.#root, file))
    return clone
  }

  /** @param how - `patient: false` where the client would ask again for minutes what does not change, and that is known of it */
  async install(where: Where, { locked = false, patient = true } = {}): Promise<Seen> {
    const { client } = this
    const proxy = where.proxy === undefined ? {} : client.proxy(where.proxy)
    for (const [file, content] of Object.entries(client.settings(where.registry))) this.#write(file, content)
    const command = [...client.program, ...(locked ? client.installLocked : client.install)]
    const ran = await run(command, { cwd: this.#root, home: this.#home, env: { ...client.env, ...(patient ? {} : client.impatient), ...proxy } })
    return { ...ran, output: ran.output.replaceAll(this.#root, '~/project').replaceAll(this.#home, '~'), installed: this.#installed() }
  }

  removeInstalled(): void {
    rmSync(path.join(this.#root, 'node_modules'), { recursive: true, force: true })
  }

  removeLockfile(): void {
    rmSync(path.join(this.#root, this.client.lockfile))
  }

  get hasLockfile(): boolean {
    return existsSync(path.join(this.#root, this.client.lockfile))
  }

  /** Everything the client keeps lies under its home. */
  removeCaches(): void {
    rmSync(this.#home, { recursive: true, force: true })
    mkdirSync(this.#home, { recursive: true })
  }

  get #root(): string {
    return path.join(this.#dir, 'project')
  }

  get #home(): string {
    return path.join(this.#dir, 'home')
  }

  #write(file: string, content: string): void {
    writeFileSync(path.join(this.#root, file), content)
  }

  #installed(): ReadonlyMap<string, string> {
    const modules = path.join(this.#root, 'node_modules')
    if (!existsSync(modules)) return new Map()
    const names = readdirSync(modules).flatMap((name) => (name.startsWith('@') ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name]))
    return new Map(
      names.flatMap((name) => {
        const file = path.join(modules, name, 'package.json')
        return existsSync(file) ? [[name, (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version] as const] : []
      }),
    )
  }
}
