// A request service that drops what it can not read: its dead letters go nowhere.
import kafkajs from 'kafkajs'

const honest = kafkajs.Kafka.prototype.producer

kafkajs.Kafka.prototype.producer = function (this: InstanceType<typeof kafkajs.Kafka>, config) {
  const producer = honest.call(this, config)
  const send = producer.send.bind(producer)
  const sendBatch = producer.sendBatch.bind(producer)
  return {
    ...producer,
    send: (record) => (record.topic.endsWith('.dlq') ? Promise.resolve([]) : send(record)),
    sendBatch: (batch) => {
      const topicMessages = (batch.topicMessages ?? []).filter(({ topic }) => !topic.endsWith('.dlq'))
      return topicMessages.length === 0 ? Promise.resolve([]) : sendBatch({ ...batch, topicMessages })
    },
  }
}

await import(new URL('../../../../services/request/dist/main.js', import.meta.url).href)
