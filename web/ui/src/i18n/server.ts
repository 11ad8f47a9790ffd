import { area } from '.'
import { server as en } from './en/server'
import { server as zh } from './zh-CN/server'

export const server = area(en, zh)
