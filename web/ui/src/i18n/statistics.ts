import { area } from '.'
import { statistics as en } from './en/statistics'
import { statistics as zh } from './zh-CN/statistics'

export const statistics = area(en, zh)
