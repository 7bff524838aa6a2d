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

/** An OTLP request of 96 points in November 2025, at levels 1 and 19. */
export const ZSTD_FRAMES = [
  base64([
    'KLUv/QBI/SEAViqXSBCtOAe/LUdy4DsI4L8H6kEoBegHgfjvHt41W02InwDk3I3PMvz3Fb2eYFUYhECzy31aWrJlil',
    '4H+CimDm4LYLKt+HGd4wmZDJAAgAB+APq+Z8H0lhuv171wuKAsN96QC2USEDxYbrz+IDaMsJy+nRu4WifkGExcy+mL',
    'QSMnVgqES0Ap0wQqcDecEyuDikTA5ULYg7VSoSruAA5rpUJp7iZkNzRMZCK+Ctpy49WkdJhICNDBHyEpEtZp5MM0TR',
    'dXs8LJITimCrXS3ArOacR04eMUkiohOa0ubsbVuDl2A5p/m7H7EmznSqKbxl4HFrsiswV3GTnnnDN+fWGxKzJbHHOa',
    'zt/RQnobvah9qDFAbfGN78l8F/P5PWtNSpK1PKm/BqC6Sp+Z6j6m2Hvv/XI8yqDbuZKou8UloIXGEqqr9Jmp+roY4+',
    'EYQ7dzJVEHVZyFk8GXGAcXy+n7fR1OoLBcn5n6eey9936N7zlAt3Ml0e8+/7+nhCvuv0Gi27k65jR9PR9BvaUkWcuT',
    'fh7oadB2riS6dboDFrsiswV3tBEWP/EBTFmWZanDBjnnnDO4AMVaa+333ncYe++9X/+f4q34c6QkWcuTum+ortJnpj',
    'pGsPfe++XcAXQ7VxLVNxQDYAQNJix2RaFIy5OSZPq9jsLee7++wyS6nSvI549Iy5OSZP8KSHQ7V5D3DYlu5wryOMVZ',
    'sAhTlmVZ+pdzzjmPXHwUa621Hjro7nmHHeNqYLgDJ5Q+M9WFc55ZSXQ7wY8/lGVZlpjBzEqi20lHG93OcagisnzYpS',
    'RZy5OCrrpKAYFTqFF1MpJusn8c0caNyJ0HEmhQUBxHMQQohEAczZYkEjWkLbfF/4XnFEW45GMCQiVXGY+Zhw8fbDou',
    '2MOeSuGyAl9OA9i4fNAsB0w1lQGRLaUpIJhrhiOmJs4AOU8UN0hK0UI6n+DTccGRjqJ9d2njPd+6TepNpJn1UwdiOK',
    'WL04abhjrF8ORaDFAWnurejRpSUMcJszMTxnPElcaYXUCbEoQT+A3glAoWwZygxMfbpFwyrwMFFrKGsXAJppycb0Jw',
    '0rTLJKw1PYHPnCPqkPcGBC1xzFgtkWPtdOGclEzgVImsEndelAmcssvoytdFseedIxrXOm5ishT/3MvLJjzpDSM1kL',
    'WU7KJYY9bYMpGLyKIaLDDxC4f15uXLuYAd5R0j9UZhHDeMMOSziEJTbvuxVZhDSEHR+HPp9cETm38soWPiaGIWaO2n',
    'PK4t0Ulr2FPWmK6whJ08EIrjwxbV8OTTCyZSZMJeRt3puBNf7gJS12kolJssp8rWqjnF6/odamJSad1S1pbQLsLro1',
    'mZqMWk5sRJQepINmz3P0AJBDPaIn7aj5wLdDyQPxSKmHZOHybWP+Gc1Zx6ty8y7Mmf4F4hsQ0BQi7sHhXZE+MdV5A6',
    '4A3q5pRiaTas24lAtSjGVQ==',
  ]),
  base64([
    'KLUv/QBorRgARhhdOxCXOks5YujrCBppqAKgiAGQ2zbhPyyV/b3ZX6Z5HdRDKAKSGeWw7JZSSillkgGDQgfs+hOxA0',
    'UKw+CTUgBPAEoAJAJliSZPJacToK5Y1RigBSJvl7OBlBVTjQwsPiMt0lUuGQVlMFg6Al4VVnLT8Uwc7DxrBxTcEe+Q',
    'eOZsO5AOiCauhgIzS24rOnN3QBUoA709Gjhff/8E1CCMyZqIaEYsnIi+XHou6wW1WpJoQb9nnke8u2dTpHVOlJTNJD',
    'Wb8dFEkY1fpgydt0A1SPgTaPiKfcoTVbk6rSTO5N3IukLezlr/qiHArJb6Qsmkc4odAaMzvlYm79iJH2vDQpfx/dP4',
    'oZVfWOFe22lPj3KcPl/77a2ZLUO+2gRW2/yzeMle+x0UAvHFOAh9B/ipm3vj5dQ84xBcr8UJiM9CPIvmUf9XtdQzy3',
    'd+XH9FwR68P2jutfXnqwSUy6zkJcf7tUauwONdsM/fjrTaacl3S+edSYxxKewYgQeoAclFRYXCXmsBNglnxu4iQBAB',
    'RyEIQ4AwBAzCpgxBQRSNKCUcrOABqEAC0UYd5UaSnU8flWGaQRvDBZBJQsFrAJsBguYsWEuQp7ySH+D+WcesnnYVM4',
    'MBhD0o0LMcjj7JSas8HSXCUqSjyI1ja5y1zGX8veGoCQIL7wmNzCg24zhHEUfKxdzgANZiDW/ewTolYgj0pUHNPWbA',
    'wVmHChNvqB1UaZ5VAfP146RyGXbJo07JyNq8b76CHOWkoOC002qGKur7C73tBX/9DcQ5tuHewung7zHRvziptGU0WD',
    'ShTs1YqsC/0hpXmFMUVO60gWthDJC/Ukv/YPlWFIuh+nLOJ+7IEWd2FYvCxCsHompbBYxLabkL6yPBKO1MPA9ZcM0p',
    'MsakF/R5GFFQKDdYzvm88nsojt+gckt0Zx7WOEXq1CKefYKPO8gwE3FqXd32v4YnLYPr5bXkxqMUNArxgOPf9PM5VF',
    'GIod1crmnkZKLNnElJiyRQa53o9t+x2CwRS0fwLTY0LUgXSxJ9kZlnO7BoOvaU0ZM41O0vul0V',
  ]),
];
