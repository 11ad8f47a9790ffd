import { area } from '.'
import { common as en } from './en/common'
import { common as zh } from './zh-CN/common'

export const common = area(en, zh)
