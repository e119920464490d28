/** Who a certificate says somebody is: its subject alternative name and Fulcio's extensions, by the last arc of their OID. */
export interface Identity {
  readonly san: string
  /** The name is an e-mail address: a person signed, not a workflow. */
  readonly email?: boolean
  readonly issuer: string
  readonly extensions: readonly (readonly [number: number, value: string])[]
}

/** The circumstances of a build, for the certificate and for the predicate. */
export interface WorkflowIdentity extends Identity {
  readonly provider: 'github' | 'gitlab'
  /** What it was made from, for `altered`. */
  readonly options: IdentityOptions
  readonly server: string
  /** `owner/repository` */
  readonly repo: string
  readonly ref: string
  /** The commit. */
  readonly sha: string
  /** Path of the workflow file in the repository. */
  readonly workflow: string
  readonly event: string
  readonly runner: string
  readonly repoId: string
  readonly ownerId: string
  readonly run: string
  readonly runId: string
  readonly attempt: string
  /** `https://…/path@ref` of the workflow that was started. */
  readonly buildConfig: string
}

export interface IdentityOptions {
  readonly server?: string
  readonly repo?: string
  readonly ref?: string
  readonly sha?: string
  readonly workflow?: string
  readonly workflowName?: string
  /** The ref the workflow file was read from; default: `ref`. */
  readonly workflowRef?: string
  readonly event?: string
  readonly runner?: string
  readonly repoId?: string
  readonly ownerId?: string
  readonly runId?: string
  readonly attempt?: string
  readonly visibility?: string
  readonly environment?: string
  readonly issuer?: string
  /** Reusable workflow that signed, `https://…/path@ref`; default: the workflow itself. */
  readonly buildSigner?: string
  readonly san?: string
  /** Extensions to leave out. */
  readonly omit?: readonly number[]
  /** Only the extensions that certificates of January and February 2023 carried, 1 to 6. */
  readonly early?: boolean
}

export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
export const GITLAB_ISSUER = 'https://gitlab.com'

const kept = (extensions: readonly (readonly [number, string])[], options: IdentityOptions): Identity['extensions'] =>
  extensions.filter(([number]) => !(options.omit ?? []).includes(number) && !(options.early === true && number > 6))

/** A GitHub Actions workflow, with the extensions that the public Fulcio issues for it. */
export function githubIdentity(options: IdentityOptions = {}): WorkflowIdentity {
  const server = options.server ?? 'https://github.com'
  const repo = options.repo ?? 'acme/widget'
  const ref = options.ref ?? 'refs/tags/v1.0.0'
  const sha = options.sha ?? 'a'.repeat(40)
  const workflow = options.workflow ?? '.github/workflows/release.yml'
  const event = options.event ?? 'push'
  const runner = options.runner ?? 'github-hosted'
  const issuer = options.issuer ?? GITHUB_ISSUER
  const repoId = options.repoId ?? '1001'
  const ownerId = options.ownerId ?? '2002'
  const runId = options.runId ?? '42'
  const attempt = options.attempt ?? '1'
  const buildConfig = `${server}/${repo}/${workflow}@${options.workflowRef ?? ref}`
  const signer = options.buildSigner ?? buildConfig
  const run = `${server}/${repo}/actions/runs/${runId}/attempts/${attempt}`
  const extensions: Identity['extensions'] = [
    [1, issuer],
    [2, event],
    [3, sha],
    [4, options.workflowName ?? 'Release'],
    [5, repo],
    [6, ref],
    [8, issuer],
    [9, signer],
    [10, sha],
    [11, runner],
    [12, `${server}/${repo}`],
    [13, sha],
    [14, ref],
    [15, repoId],
    [16, `${server}/${repo.split('/')[0] ?? ''}`],
    [17, ownerId],
    [18, buildConfig],
    [19, sha],
    [20, event],
    [21, run],
    [22, options.visibility ?? 'public'],
    ...(options.environment === undefined ? [] : [[23, options.environment] as const]),
  ]
  const facts = { server, repo, ref, sha, workflow, event, runner, repoId, ownerId, runId, attempt, run, buildConfig }
  return { provider: 'github', options, san: options.san ?? signer, issuer, extensions: kept(extensions, options), ...facts }
}

/** A GitLab CI job: GitHub's own extensions (2 to 6) are not there. */
export function gitlabIdentity(options: IdentityOptions = {}): WorkflowIdentity {
  const server = options.server ?? 'https://gitlab.com'
  const repo = options.repo ?? 'acme/widget'
  const ref = options.ref ?? 'refs/tags/v1.0.0'
  const sha = options.sha ?? 'b'.repeat(40)
  const workflow = options.workflow ?? '.gitlab-ci.yml'
  const event = options.event ?? 'push'
  const runner = options.runner ?? 'gitlab-hosted'
  const issuer = options.issuer ?? GITLAB_ISSUER
  const repoId = options.repoId ?? '3003'
  const ownerId = options.ownerId ?? '4004'
  const runId = options.runId ?? '42'
  const buildConfig = `${server}/${repo}//${workflow}@${options.workflowRef ?? ref}`
  const signer = options.buildSigner ?? buildConfig
  const run = `${server}/${repo}/-/jobs/${runId}`
  const extensions: Identity['extensions'] = [
    [1, issuer],
    [8, issuer],
    [9, signer],
    [10, sha],
    [11, runner],
    [12, `${server}/${repo}`],
    [13, sha],
    [14, ref],
    [15, repoId],
    [16, `${server}/${repo.split('/')[0] ?? ''}`],
    [17, ownerId],
    [18, buildConfig],
    [19, sha],
    [20, event],
    [21, run],
    [22, options.visibility ?? 'public'],
    ...(options.environment === undefined ? [] : [[23, options.environment] as const]),
  ]
  const facts = { server, repo, ref, sha, workflow, event, runner, repoId, ownerId, runId, attempt: '1', run, buildConfig }
  return { provider: 'gitlab', options, san: options.san ?? signer, issuer, extensions: kept(extensions, options), ...facts }
}

/** The same build, with something different. */
export const altered = (identity: WorkflowIdentity, changes: IdentityOptions): WorkflowIdentity =>
  (identity.provider === 'github' ? githubIdentity : gitlabIdentity)({ ...identity.options, ...changes })

/** A person who signed in with an e-mail address. */
export const emailIdentity = (email = 'mallory@evil.example', issuer = 'https://accounts.google.com'): Identity => ({
  san: email,
  email: true,
  issuer,
  extensions: [
    [1, issuer],
    [8, issuer],
  ],
})
