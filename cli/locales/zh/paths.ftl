# 到其他节点的通路。

via =
    .lan = 局域网
    .wan = 广域网
    .relayed = 经中继
up-asks-relay = 正在向中继申请；得到许可后，别人可经此地址联系本机：{ $address }
