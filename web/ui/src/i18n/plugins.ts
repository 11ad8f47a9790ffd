import { area } from '.'
import { plugins as en } from './en/plugins'
import { plugins as zh } from './zh-CN/plugins'

export const plugins = area(en, zh)
