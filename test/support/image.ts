/**
 * A Dockerfile without a container engine: its steps run in copies of this machine's file system (overlayfs, chroot), of which nothing
 * comes back. The base image is stood in for by what is here, with the Node that runs this and the user that image has.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Copy, DockerfileParser, JSONInstruction, type Instruction } from 'dockerfile-ast'

export interface Stage {
  readonly name: string
  readonly base: string
  readonly instructions: readonly Instruction[]
}

/** What a Dockerfile says, stage by stage. */
export function stagesOf(text: string): readonly Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = []
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const [base = '', , name = ''] = wordsOf(instruction)
      stages.push({ base, name, instructions: [] })
    } else stages.at(-1)?.instructions.push(instruction)
  }
  return stages
}

export const wordsOf = (instruction: Instruction): readonly string[] => instruction.getArguments().map((argument) => argument.getValue())

/** The words of `["a", "b"]`. */
export const listOf = (instruction: Instruction): readonly string[] => (instruction instanceof JSONInstruction ? instruction.getJSONStrings() : []).map((one) => JSON.parse(one.getValue()) as string)

export const all = (stage: Stage, keyword: string): readonly Instruction[] => stage.instructions.filter((one) => one.getKeyword() === keyword)

/** What goes along of the checkout, by a `.dockerignore` that takes everything away first. */
export function contextOf(ignore: string): readonly string[] {
  const lines = ignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  if (lines[0] !== '*') throw new Error('the context is not a list of what goes along')
  return lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
}

/** Why steps cannot be run here; undefined where they can. */
export function cannotRun(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root (overlayfs, chroot)'
  return spawnSync('unshare', ['--mount', 'true']).status === 0 ? undefined : 'may not make a mount namespace'
}

/** A root file system that is this machine's until something is written. */
export class Root {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'image-'))
  readonly #layers: string
  #env: Readonly<Record<string, string>> = {}
  #cwd = '/'

  constructor() {
    for (const layer of ['upper', 'work', 'root']) mkdirSync(path.join(this.dir, layer))
    this.#layers = `lowerdir=/,upperdir=${this.dir}/upper,workdir=${this.dir}/work`
    try {
      this.#chroot(`getent passwd node || useradd --create-home node\nmkdir -p /usr/local/bin && rm -f /usr/local/bin/node && cp ${process.execPath} /usr/local/bin/node`)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Runs the steps that make a file system. @throws when one fails, with what it printed */
  build({ instructions }: Stage, context: { readonly dir: string; readonly entries: readonly string[] }, stages: ReadonlyMap<string, Root>): void {
    for (const instruction of instructions) {
      const words = wordsOf(instruction)
      switch (instruction.getKeyword()) {
        case 'WORKDIR':
          this.#cwd = words[0] ?? '/'
          this.#chroot(`mkdir -p ${this.#cwd}`)
          break
        case 'ENV':
          this.#env = { ...this.#env, ...Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])) }
          break
        case 'RUN':
          this.#chroot(`cd ${this.#cwd}\n${words.join(' ')}`)
          break
        case 'COPY':
          if (instruction instanceof Copy) this.#copy(instruction, context, stages)
          break
      }
    }
  }

  /** Runs a script with nothing writable but `/data`, and no network but its own loopback. Ends with what it printed. */
  run(script: string, user: string): string {
    const inside = `cd / && ${this.#exports()}\n${script}`
    return this.#mounted(`
      mkdir -p ${this.dir}/data && chown --reference=${this.dir}/root/data ${this.dir}/data && mount --bind ${this.dir}/data ${this.dir}/root/data
      mount -o remount,ro,bind ${this.dir}/root
      ip link set lo up
      exec chroot --userspec=${user} ${this.dir}/root bash -eu -o pipefail -c "$1"`, inside, ['--net'])
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }

  #copy(copy: Copy, context: { readonly dir: string; readonly entries: readonly string[] }, stages: ReadonlyMap<string, Root>): void {
    const from = copy.getFromFlag()?.getValue() ?? undefined
    const words = wordsOf(copy).filter((word) => !word.startsWith('--'))
    const to = words.at(-1) ?? ''
    const target = path.resolve(this.#cwd, to)
    for (const source of words.slice(0, -1)) {
      const inStage = from === undefined ? undefined : stages.get(from)
      const entries = inStage === undefined ? context.entries.filter((entry) => source === '.' || entry === source) : [source]
      if (entries.length === 0) throw new Error(`COPY ${source}: not in the context`)
      for (const entry of entries) {
        const file = inStage === undefined ? path.join(context.dir, entry) : path.join(inStage.dir, 'upper', entry)
        const place = source === '.' || to.endsWith('/') ? path.join(target, entry) : target
        if (existsSync(file)) cpSync(file, path.join(this.dir, 'upper', place), { recursive: true, verbatimSymlinks: true })
      }
    }
  }

  #chroot(script: string): void {
    this.#mounted(`exec chroot ${this.dir}/root bash -eu -o pipefail -c "$1"`, `${this.#exports()}\n${script}`)
  }

  #exports(): string {
    return Object.entries({ HOME: '/root', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...this.#env }).map(([key, value]) => `export ${key}='${value}'`).join('\n')
  }

  #mounted(script: string, inside: string, flags: readonly string[] = []): string {
    const mount = `set -eu\nmount -t overlay overlay -o ${this.#layers} ${this.dir}/root\nmount --rbind /dev ${this.dir}/root/dev\nmount -t proc proc ${this.dir}/root/proc`
    const args = ['--mount', '--pid', '--fork', ...flags, 'bash', '-c', `${mount}\n${script}`, 'bash', inside]
    try {
      return execFileSync('unshare', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000, maxBuffer: 64 * 1024 * 1024, killSignal: 'SIGKILL' })
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string }
      throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error })
    }
  }
}

export const read = (file: string): string => readFileSync(file, 'utf8')
