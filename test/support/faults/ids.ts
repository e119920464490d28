/** Group and letter as in the list of what must be refused; after a dot, a further form of the same fault. */
export const FAULT_IDS = [
  ...['1a', '1b', '1c', '1d', '1e', '1f', '1g', '1h', '1i', '1j', '1j.canonical', '1j.missing', '1j.sha1'],
  ...['2a', '2b', '2c', '2d', '2e', '2f', '2g', '2g.case', '2h'],
  ...['3a', '3b', '3b.connection', '3c', '3d', '3e', '3f'],
  ...['4a', '4a.publish', '4b', '4c', '4d', '4e'],
  ...['5a', '5b', '5c', '5c.registry', '5c.version', '5d'],
  ...['6a', '6b', '6c', '6c.announcement', '6d', '6e', '6f', '6f.null', '6f.string', '6g'],
  ...['7a', '7b', '7c'],
  ...['8a', '8b', '8c', '8d', '8e', '8f', '8g'],
  ...['9a', '9b', '9c', '9d'],
  ...['10a', '10b'],
  ...['11a', '11b', '11c', '11d', '11e', '11f'],
  ...['12a', '12b', '12c', '12d', '12e', '12e.time', '12f', '12f.checkpoint', '12g'],
  ...['12h', '12i', '12i.v2', '12j', '12k', '12k.signature', '12l', '12l.holders', '12m'],
  ...['14a', '14b', '14c', '14c.credentials', '14c.private', '14c.relative', '14d', '14e'],
  ...['16a', '16b', '16c', '16d'],
  ...['17a', '17b', '17c', '17c.tarball', '17d', '17e', '17f', '17g', '17h'],
  ...['20a', '20b', '20b.url', '20c', '20c.script', '20d', '20d.version', '20e'],
] as const
export type FaultId = (typeof FAULT_IDS)[number]
