// Asked by the container engine: ends with 0 while the mirror answers. Node alone, since it runs every few seconds.
const url = process.env.HEALTH_URL ?? 'http://127.0.0.1:4873/-/provenance/health'
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(4000) })
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
