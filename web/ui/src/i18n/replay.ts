import { area } from '.'
import { replay as en } from './en/replay'
import { replay as zh } from './zh-CN/replay'

export const replay = area(en, zh)
