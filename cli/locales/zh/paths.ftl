# 到其他节点的通路。

via =
    .lan = 局域网
    .wan = 广域网
    .relayed = 经中继
