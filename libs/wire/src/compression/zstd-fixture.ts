// A text and what the reference encoder (zstd 1.5.4) makes of it, at its fastest common level and near its best:
// between them Huffman and raw literals, described, repeated and default tables, all kinds of offsets.

/** What the frames say. */
export const ZSTD_TEXT = Array.from(
  { length: 400 },
  (_, index) =>
    `requests_total{path="/p${index % 37}",code="${[200, 404, 500][index % 3]}"} ${(index * 7919) % 10007}\n`,
).join('');

const base64 = (lines: readonly string[]) => Buffer.from(lines.join(''), 'base64');

/** Level 1. */
export const ZSTD_FAST = base64([
  'KLUv/QRILTwAqkf8CBmALWQ4qiMorPMCg8aeSillSjIlhm03h64DpgB+AH4AEdFgo+ZpTLk0r4hE609Nb1S15FqYMG',
  'xv1VyYMHjuEKX9lAoThu19FCYMnmm7ZeMuTBi2cxUpTBg8kzZUEmeohQmDZ17KZXxTmDBsp1mFCYNntmVrjChMGLYT',
  'VbwwYfA8Qp6K51WYMGz/LyxMGDw7PNFg0AsThu0t1hQmDJ4JYIUJw9ZhAIIDCwwEGMZAwDAgAYQCDCQoKABhAQQCDy',
  'A8QBChAQIHAUWSGiXxueclFZoTHX1FU1Vfx/SjEg3yWr7MBBHfKjcNX6qxqaHXSLBtuZlILrkMNVjtxmmnDkcvoyF5',
  'fcSXwfBfWsYtVXXsNFw/KlOdEwsThu01KcvYqm146p8qjbc0VEQyNrjLEOkoju1IRfqMROszhFpuRCQhU/KwLG6yAa',
  '2x2ojChMGzv8+jXhNKVCbIQVHTiBndBvXufBnpidqY6tgiBmUOl1/6SPHDCopp/RzVTZxO3UnIyaa+w5GShNTYmlHl',
  'K/xXhkrs2hhSGv5Q5pIhelHFGNWOL+/QV6zxsZcifFkECWfq5HHJhPQaLl+mVBxLTuO8e5GSqTZlRQBkPIUJw9ZTZa',
  'JVMTaKJi9jUtCurjMRPi3V4UhBRa+xYTrRWxlqT9RpneXLNnwhEodDn/qCLbmSZqmU6SLtx1TUcXwb/kxnVNFR2tbC',
  'p2yISBzKhGPD5DrSZKZD9ZrLYRm+TESROivXykL2jTlO9Qjdy9C0qrieEeLLjKMGg4KoUkOlbZTW76IMIwLCmHs7Ei',
  'hh0DiJESgQQlgRFSLCCdHDA6GMU/FP0rGIDY6hJDEsg79igP+khwN1HcuxT1rukwF9EvBMomONSac9hbKcUOYTSi0/',
  '9Y41gMgohFLiOf0VrKA03B6LWjDSOJjV9iRcAtaTKrVgsu9J9G7uzoFDLYr/aA4+e5LKegTLNbJol+/i2LdodZRbHq',
  'UHQudWwU+ilsfSlSD1G1BKhINRymUDmQjrUAQdSwSwW8JgBkXAlNJPpawMQ+xYjpbSsKMscJTIBbh23DqWy1GuQl1n',
  'j/JAOKZjPafRYy0edOcXOENvDdVFRbEJzj9WowsYost3JFimXIe5w/9TzwNtSuEHLdkjJbGl9F4DFLqTQQdZhJTSEg',
  'I/IBDbo1EaD+ikxrFOB7TROEq9QTvKoEG7FzkWwhTLGHylhFMpeZWS2YEIx3IIqpctXjrlueeW8r4TxjiWmqfUtJT8',
  'ljKqpcwX4CXVX5CJEmCgiNJmMMzest92D2RpPY9VCRAl3MHTmPHXg97GRdYVYbySuFiDQEnpcyn5L2U4BGB1u8CPdU',
  'LkCElc9Sg3H138KPFFMW2fxmmvS6bHoKNHOFbLUHb0k/qCK/R90oMj1BxrTpV7/UnQqwXHQoHwPhtKHYYSw1DqCl7H',
  'pzH4IUCUEuBJhM9D8mRhoGiYnxx7IasVseqe3Dg5R2QNuupi8Ld8TctLkdWVuEHYJNQAC/5jPkPc0Z5KKYUdcFHqk9',
  'UG5CdPhMGdcXqUS28MA2go9wXW8H9uKneEDVIodRTKUYEslMZ/Ov20/dBta9jZaH/a7eKzjBgDcaJigUGiitd8URGe',
  '/i7oaJugmRxxsKQ7EJ8HJDeAlAsC5Sn4IGanbKyUM4ShlCIIiM5VcUb1ljiWpRwd7NnFKNMG7CgNDQa2pTIMvMqj9N',
  '4ac3nwcymLKyXYpZQ/TfWDk09J+ylBqx7m1whxSiivF8gvBqa6Cfo1uKTcbGANSVHuDkpRBg+8vSoQZRklLEo0Rtno',
  'DHPp4ONSyislsEs5Pw03RPB3/pVPut+nPFCdMGowMuWY3lIGsJRlltJvdA8r5YqjDJHLjlWtu0d5cJTDHeVaEd6Y5l',
  '7QgGlSWhkYpIwa1C/w24XDNp5yrOPgFaVp4qX6RAkz2nKaftrdIq2dT3dtb0vDzk570M4uzJ/pSRhKGEPJZyj7ivN+',
  'MAOPN6ZC6ZXXH4eytE+C/Um6gqUo3fsWJE8GF/RUeJyTRiwTZFgeRPI0Rj2CEqSBvzN+hwcg6cIBFSUXJyR67CgzHG',
  'UEARzl/uBbvH1EAFKqgx1oowQOum/yKI8GRVHwkdTROsqQDuVzQe17KCOjHftQisDrIIRSXO+0T19wfaOsZpRbC9T1',
  'yU0zgxgDMjnNw3r+JyVRa0WVrIIXtKRENxt3Zkq+BpOU+QYFayLl7sDp4z24SdmeUiBUUfIh8PEfkRxlRrhI0zKjlK',
  '4PsjPWw0RhQ/WilFIOYinrBnOhtm8IPuBzIH/bD94XTW5OaVefA5TZuacUsJQ4lpLfuieuoJRLjjLcUWZplNWN0oWx',
  'F4Awzthh8Bxy08+AclBoY5AALFQSKTMHLCnHDlTmFlRImekvH4zGLaOAgNMmP9ZjyyC2ELDXHiS7x3sQhtwN3A8IGm',
  'M0d3ePDrSpS85wgEVv1tAF5jWgrLv+K4NaWxFbrdrVzFVZaIaVrOYSJ9Nhm+6m6IfcVTLEXfnG2+U4TltVt8Gbg9ds',
  'qZa1triOkJY2Wc62kHFd5JWsjhtm48gQL2lFRXmF3zJv9U/ZXUqci/VdtQITQm5J',
]);

/** Level 19. */
export const ZSTD_SMALL = base64([
  'KLUv/QRojBIA5jBiGpA5ywGrjLVnRYq2c3dDKqWUKaUUQ2q/XwsOagBUAFUAIh36cyFNc0arzC1YVoXJocn4IQXlrd',
  'kmjb1nQREZxdBXNN4MsbuUuT5mm1cxkqtYS1T9CHnE8/ovcz3tSo84azUOD0AEaHCI4OEgwYBCAQGHWBhwODjQgLDA',
  'AAFCg0IDAYYGhoQFCRIUBHKWQ3Mjl1Uk5FDRSBILyteazdPYzizoki2+r+j1ZuTdZYbrqTa3FiPDFZsQ1WhqKCPlf9',
  'v1pasQuVkEMYjIUpmS1xLl3lvbsuzYrxWe6JSrSPMRJTJllRQZNBtJqEF5vWYH0c7NOlK2qL+iijdj6ujnxMLNHcdI',
  'kooV0aqmJioj+3+O61ZNj9y7CHkQyUhlpt45zb2rbRvCjqOVwWgUWaSpiSKWoX8SvgHelEGPoqmqB8fzSylLDrPMoJ',
  'tEZGhKZ7GLLzarGI7ein33I9WYraY19JEasnQ0aa4SphhZWnK+c7F7j7QtEevVyohGo+JFmg1RhDUcd8LXPcvf3AKB',
  'AKgRgFjF738HoJmKNQMiCIwgcLfgE3Lx6wM/v7PnZgWvobldWFX6ye3R20X1+R1debmlMHYxlqZ+u0tSQYpeRFgzqn',
  '5aYIsAFQnLzcKHoJtRCQinORDKIHtE924Hm7QFTUWpACWkGqpks5xeButAHaAqV/F5OXomNEnYs/F+IKwBgILMR6FD',
  'IlYJElejfR3I0lihC5ZBZYL2LL4X3KYAtBy1x5eLPoH2iAcCDQAo0FnT1S54CYLWgJwN0MzNGyA9FbBQpAptEQBXeW',
  'ZlAGUAZQBBnU3Icj21nCTEJSSNY0iKqrHh+vGNTovjhbxkuXSG6lFrVUchJaM4qaXQ9i5CJdkM6+RxSZRsc7AsPqjj',
  'Kn9T6TnvaKpItZgwfSImDfuZjXt1EQoZMlFaNmNWrW3ElvRzz0soC9zvqsgQBUkRTWVOzGrmiu3Mf3xeHhllGqdTa2',
  'oT42suUTYl3uGTKJaNEJ2oU5zEyxsWrZNwXT7pI7XPqtRh/QuSMo0cOqRiKn4mfIxbI0SUikepu5DTenUld/PXZaaI',
  'NFnVEcIKsRhVVGj3cFq1t741+cTMlAzNUuVDwqORFeVUfbKcfKGHUTKtJGoo9lkr/N5xBT8KqZTcNEPV1+ZwcTIjUV',
  'Go9NiUi9A6NeJE+VUSZdl4NtwTPa+p7yTtzCc0VdEgbZaguEifVhwAZDyvW9ZOR3pFTRVNUGT2KXSp9HZW3UMiQ3Ky',
  'i2w8uGEVcTPtxe8/UuQsRqWiC9WM/GNNrxVTxIlOGbFlhKitMVqxT21YIp3v0n9UZqpqNkT91CtB9lgyWFNYTDO/CP',
  'vxTFIUgQCoEDLkA6CvnwES+P//aX//+l0UPzaa/3QQpchAX+K71H6m1X7bbtnXxL8/3KWgUFUAtmemKtS3Wq032irt',
  'wACwQPdG839TvZ0rN6tebtcMQ7ELxKlV5bqkVr3drN3Y5cLPD0IB3iWlkKXWG22Vdkb0rRTqjb4CRQEDENX7rfb7Zu',
  's+VmpcGbugkKPAzgYZExNCbkk=',
]);
